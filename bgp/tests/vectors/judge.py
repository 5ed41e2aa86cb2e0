#!/usr/bin/env python3
"""What tshark reads in BGP messages, in the lines of our vectors (README.md). Nothing here decodes BGP itself.

judge.py pcap FILE NAMES OUT   one vector per different message of a capture; NAMES: address=name, or address/address=words
judge.py hex FILE...           puts the lines into vectors that have none
"""
import collections
import ipaddress
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

PREFS = ['-o', 'bgp.asn_len:auto-detect', '-o', 'tcp.desegment_tcp_streams:TRUE']


def tshark(*args):
    return subprocess.run(['tshark', *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


class Node:
    """A field of tshark's tree."""

    def __init__(self, element):
        self.element = element
        self.name = element.get('name', '')
        self.show = element.get('show') or ''
        self.hex = element.get('value') or ''
        self.title = element.get('showname') or ''

    def all(self, *names):
        found = (Node(one) for one in self.element.iter('field'))
        return [one for one in found if one.name in names]

    def children(self):
        return [Node(one) for one in self.element]

    def get(self, *names):
        return (self.all(*names) or [None])[0]

    def num(self, *names):
        return int(self.get(*names).hex, 16)


def family(node, afi, safi):
    return f'{node.num(afi)}/{node.num(safi)}'


def triples(node, *names):
    """Fields that repeat together, as rows of numbers."""
    columns = [[int(one.hex, 16) for one in node.all(name)] for name in names]
    return list(zip(*columns))


def capability(node):
    code = node.num('bgp.cap.type')
    if code == 1:
        return 'multiprotocol ' + family(node, 'bgp.cap.mp.afi', 'bgp.cap.mp.safi')
    if code in (2, 6, 70):
        return {2: 'route-refresh', 6: 'extended-message', 70: 'enhanced-route-refresh'}[code]
    if code == 5:
        rows = triples(node, 'bgp.cap.enh.afi', 'bgp.cap.enh.safi', 'bgp.cap.enh.nhafi')
        return ' '.join(['extended-next-hop'] + [f'{a}/{s}>{n}' for a, s, n in rows])
    if code == 64:
        timers = node.num('bgp.cap.gr.timers')
        rows = triples(node, 'bgp.cap.gr.afi', 'bgp.cap.gr.safi', 'bgp.cap.gr.flag')
        time = node.get('bgp.cap.gr.timers.restart_time').show
        return ' '.join([f'graceful-restart flags={timers >> 12} time={time}'] + [f'{a}/{s}={f}' for a, s, f in rows])
    if code == 65:
        return f"four-octet-as {node.get('bgp.cap.4as').show}"
    if code == 69:
        rows = triples(node, 'bgp.cap.ap.afi', 'bgp.cap.ap.safi', 'bgp.cap.ap.sendreceive')
        return ' '.join(['add-path'] + [f'{a}/{s}={d}' for a, s, d in rows])
    if code == 73:
        host, domain = node.get('bgp.cap.orf.fqdn.hostname'), node.get('bgp.cap.orf.fqdn.domain_name')
        return f'fqdn host={host.hex} domain={domain.hex if domain else ""}'
    raw = node.get('bgp.cap.unknown')
    value = raw.hex if raw else ''
    if code == 9:
        return f'role {int(value, 16)}'
    if code == 71:  # this tshark cuts it short: seven octets an entry (RFC 9494 §3)
        rows = [value[at:at + 14] for at in range(0, len(value), 14)]
        entry = [f'{int(r[:4], 16)}/{int(r[4:6], 16)}={int(r[6:8], 16)},{int(r[8:], 16)}' for r in rows]
        return ' '.join(['long-lived-graceful-restart'] + entry)
    return f'capability {code} {value}'.strip()


def prefixes(node, word):
    lines = []
    for one in node.children():
        if one.get('bgp.prefix_length') is not None:
            assert one.get('bgp.nlri_path_id') is None
            lines.append(f'{word} {one.show}')
    flat = node.children()
    if not lines:
        lengths = [one for one in flat if one.name == 'bgp.prefix_length']
        nets = [one for one in flat if 'prefix' in one.name and one.name != 'bgp.prefix_length']
        nets = [one for one in nets if not one.name.endswith('length')]
        lines = [f'{word} {net.show}/{int(bits.hex, 16)}' for bits, net in zip(lengths, nets)]
    return [re.sub(r'\S+$', lambda m: str(ipaddress.ip_network(m[0], strict=False)), line) for line in lines]


def path(node):
    out = []
    for segment in node.all('bgp.update.path_attribute.as_path_segment'):
        kind = segment.num('bgp.update.path_attribute.as_path_segment.type')
        asns = segment.all('bgp.update.path_attribute.as_path_segment.as4', 'bgp.update.path_attribute.as_path_segment.as2')
        out.append(f'{kind}:' + ','.join(one.show for one in asns))
    return ' '.join(out)


def attribute(node, octets):
    base = 'bgp.update.path_attribute.'
    code, flags = node.num(base + 'type_code'), node.num(base + 'flags')
    plain = {3: ('next-hop', 'next_hop'), 4: ('med', 'multi_exit_disc'), 5: ('local-pref', 'local_pref'),
             9: ('originator-id', 'originator_id')}
    if code == 1:
        return ['origin ' + ['igp', 'egp', 'incomplete'][node.num(base + 'origin')]]
    if code in plain:
        word, field = plain[code]
        return [f'{word} {node.get(base + field).show}']
    if code in (2, 17):
        return [f"{'as-path' if code == 2 else 'as4-path'} {path(node)}".strip()]
    if code == 6:
        return ['atomic-aggregate']
    if code in (7, 18):
        asn, addr = node.get(base + 'aggregator_as'), node.get(base + 'aggregator_origin')
        return [f"{'aggregator' if code == 7 else 'as4-aggregator'} {asn.show} {addr.show}"]
    if code == 8:
        known = node.get(base + 'communities').children()
        parts = [one.hex or one.get(base + 'community_as').hex + one.get(base + 'community_value').hex for one in known]
        return ['communities ' + ' '.join(f'{int(p[:4], 16)}:{int(p[4:], 16)}' for p in parts)]
    if code == 10:
        return ['cluster-list ' + ' '.join(one.show for one in node.all('bgp.path_attribute.cluster_id'))]
    if code == 16:
        words = []
        for one in node.all('bgp.ext_community'):
            flat = [leaf.hex for leaf in one.children() if leaf.hex]
            words.append(''.join(flat))
        return ['extended-communities ' + ' '.join(words)]
    if code == 32:
        rows = triples(node, 'bgp.large_communities.ga', 'bgp.large_communities.ldp1', 'bgp.large_communities.ldp2')
        return ['large-communities ' + ' '.join(f'{a}:{b}:{c}' for a, b, c in rows)]
    if code == 14:
        mp = base + 'mp_reach_nlri'
        of = family(node, mp + '.afi', mp + '.safi')
        hops = node.all(mp + '.next_hop.ipv4', mp + '.next_hop.ipv6', mp + '.next_hop.ipv6.link_local')
        lines = [f'reach {of} ' + ' '.join(hop.show for hop in hops)]
        return lines + [line for field in node.all(mp) for line in prefixes(field, 'reach')]
    if code == 15:
        mp = base + 'mp_unreach_nlri'
        lines = ['unreach ' + family(node, mp + '.afi', mp + '.safi')]
        return lines + [line for field in node.all(mp) for line in prefixes(field, 'unreach')]
    value = octets.hex() if octets is not None else '?'
    if code == 35:
        return [f'only-to-customer {int(value, 16)}']
    return [f'attribute {code} flags={flags & 0xef} {value}'.strip()]


def lines(node, octets):
    kind = node.num('bgp.type')
    if kind == 1:
        head = (node.num('bgp.open.myas'), node.num('bgp.open.holdtime'), node.get('bgp.open.identifier').show)
        return ['open as=%d hold=%d id=%s' % head] + [capability(one) for one in node.all('bgp.cap')]
    if kind == 2:
        out = ['update']
        out += [line for one in node.all('bgp.update.withdrawn_routes') for line in prefixes(one, 'withdraw')]
        at = 19 + 2 + node.num('bgp.update.withdrawn_routes.length') + 2
        for one in node.all('bgp.update.path_attribute'):
            wide = one.num('bgp.update.path_attribute.flags') & 0x10
            length = one.num('bgp.update.path_attribute.length')
            begin = at + (4 if wide else 3)
            out += attribute(one, octets[begin:begin + length])
            at = begin + length
        return out + [line for one in node.all('bgp.update.nlri') for line in prefixes(one, 'announce')]
    if kind == 3:
        minor = [one for one in node.all(*[f'bgp.notify.minor_error{s}' for s in
                 ('', '_open', '_update', '_cease', '_fsm', '_msg_header', '_expired', '_route_refresh')])]
        code, subcode = node.num('bgp.notify.major_error'), int(minor[0].hex, 16) if minor else octets[20]
        text = node.get('bgp.notify.communication')
        if text is not None:
            return [f'notification {code}/{subcode}', f'text {text.show}']
        return [f'notification {code}/{subcode} {octets[21:].hex()}'.strip()]
    if kind == 5:
        return ['route-refresh %s %d' % (family(node, 'bgp.route_refresh.afi', 'bgp.route_refresh.safi'),
                                         node.num('bgp.route_refresh.subtype'))]
    return ['keepalive']


def streams(pcap):
    """Octets of each direction of each connection, in order."""
    out = tshark('-r', pcap, '-Y', 'tcp.len>0', '-T', 'fields', '-E', 'separator=;', '-e', 'tcp.stream', '-e', 'ip.src',
                 '-e', 'ipv6.src', '-e', 'tcp.seq', '-e', 'tcp.payload').decode()
    parts = collections.defaultdict(dict)
    for row in out.splitlines():
        stream, v4, v6, seq, payload = row.split(';')
        parts[stream, v4 or v6][int(seq)] = bytes.fromhex(payload)
    whole = {}
    for key, pieces in parts.items():
        octets = b''
        for seq in sorted(pieces):
            octets = octets[:seq - 1] + pieces[seq]
        whole[key] = octets
    return whole


def cut(octets):
    while len(octets) >= 19:
        size = int.from_bytes(octets[16:18], 'big')
        yield octets[:size]
        octets = octets[size:]


def dissected(pcap):
    """(stream, source, destination, tree) of every message."""
    for packet in xml.fromstring(tshark('-r', pcap, '-Y', 'bgp', '-T', 'pdml', *PREFS)):
        field = {}
        for one in packet.iter('field'):
            field.setdefault(one.get('name'), one.get('show'))
        source, to = field.get('ip.src') or field.get('ipv6.src'), field.get('ip.dst') or field.get('ipv6.dst')
        for proto in packet:
            if proto.get('name') == 'bgp':
                yield field['tcp.stream'], source, to, Node(proto)


def write(name, origin, session, said, octets):
    digits = octets.hex()
    with open(name, 'w') as file:
        file.write(f'# {origin}\n')
        if session:
            file.write(f'#= session {session}\n')
        file.writelines(f'#= {line}\n' for line in said)
        file.writelines(digits[at:at + 96] + '\n' for at in range(0, len(digits), 96))


def from_pcap(pcap, names, out):
    names = dict(one.split('=', 1) for one in names.split(';'))
    octets = {key: cut(whole) for key, whole in streams(pcap).items()}
    seen, shapes, count = set(), collections.Counter(), collections.Counter()
    for stream, source, to, node in dissected(pcap):
        message = next(octets[stream, source], None)
        if message is None or len(message) != node.num('bgp.length') or message[18] != node.num('bgp.type'):
            octets[stream, source] = iter(())  # something of this connection was not captured
            continue
        if message in seen or node.get('bgp.nlri_path_id') is not None or names.get(source) is None:
            continue
        if node.get('_ws.malformed') is not None or 'Malformed' in xml.tostring(node.element).decode():
            continue
        seen.add(message)
        session = names.get(f'{source}/{to}', names.get(f'{to}/{source}', '')) if message[18] == 2 else ''
        if session == 'skip':
            continue
        said = lines(node, message)
        if message[18] == 2:
            routes = 23 + node.num('bgp.update.withdrawn_routes.length') + node.num('bgp.update.path_attributes.length')
            if len(message) > routes and not any(line.startswith('announce') for line in said):
                continue  # tshark took prefixes for path identifiers
        shape = (source, tuple(re.sub(r' .*', '', line) for line in said))
        shapes[shape] += 1
        if shapes[shape] > 2:
            continue
        speaker = names[source]
        kind = {1: 'open', 2: 'update', 3: 'notification', 4: 'keepalive', 5: 'route_refresh'}[message[18]]
        short = speaker.split()[0].lower()
        count[short, kind] += 1
        name = f'{out}/{short}_{kind}_{count[short, kind]:02}.hex'
        write(name, f'captured from {speaker}', session, said, message)


def from_hex(files):
    for name in files:
        text = open(name).read()
        digits = re.sub(r'\s', '', re.sub(r'#.*', '', text))
        octets = bytes.fromhex(digits)
        with tempfile.TemporaryDirectory() as place:
            dump, pcap = f'{place}/dump', f'{place}/pcap'
            with open(dump, 'w') as file:
                for at in range(0, len(octets), 16):
                    file.write('%06x %s\n' % (at, ' '.join('%02x' % o for o in octets[at:at + 16])))
            subprocess.run(['text2pcap', '-q', '-T', '40000,179', dump, pcap], check=True, stderr=subprocess.DEVNULL)
            prefs = ['-o', 'bgp.asn_len:2 octet'] if 'two-octet' in text else ['-o', 'bgp.asn_len:4 octet']
            tree = xml.fromstring(tshark('-r', pcap, '-Y', 'bgp', '-T', 'pdml', *prefs))
        node = Node(next(one for one in tree.iter('proto') if one.get('name') == 'bgp'))
        head, rest = text.split('\n', 1)
        kept = [line for line in rest.split('\n') if line.startswith('#= session')]
        body = '\n'.join(line for line in rest.split('\n') if not line.startswith('#='))
        said = [f'#= {line}' for line in lines(node, octets)]
        with open(name, 'w') as file:
            file.write('\n'.join([head, *kept, *said, body]))


if __name__ == '__main__':
    if sys.argv[1] == 'pcap':
        from_pcap(*sys.argv[2:5])
    else:
        from_hex(sys.argv[2:])
