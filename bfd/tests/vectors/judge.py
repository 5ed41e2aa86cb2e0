#!/usr/bin/env python3
"""What tshark reads in BFD control packets, in the lines of our vectors (README.md). Nothing here decodes BFD itself.

judge.py FILE NAMES OUT   one vector per different kind of packet of a capture; NAMES: address=name;address=name;…
                          and address=key METHOD ID SECRET for what authenticates that address
"""
import collections
import subprocess
import sys
import xml.etree.ElementTree as xml

STATES = ['AdminDown', 'Down', 'Init', 'Up']
FLAGS = 'pfcadm'


def lines(field):
    number = lambda name: int(field[name].get('value'), 16)
    shown = lambda name: int(field[name].get('show'), 0)
    flags = ''.join(flag for flag in FLAGS if field[f'bfd.flags.{flag}'].get('show') in ('1', 'True')) or '-'
    said = [f"version {shown('bfd.version')} length {shown('bfd.message_length')}",
            f"state {STATES[shown('bfd.sta')]} diag {shown('bfd.diag')} flags {flags}",
            f"mult {shown('bfd.detect_time_multiplier')}",
            f"my {shown('bfd.my_discriminator'):#010x} your {shown('bfd.your_discriminator'):#010x}",
            'tx {} rx {} echo {}'.format(*(number(f'bfd.{name}_interval') for name in
                                           ('desired_min_tx', 'required_min_rx', 'required_min_echo')))]
    if 'bfd.auth.type' in field:
        said.append(f"auth type {shown('bfd.auth.type')} key {shown('bfd.auth.key')}")
        said.append(f"sequence {number('bfd.auth.seq_num')}" if 'bfd.auth.seq_num' in field else 'sequence 0')
    return said


def main(pcap, names, out):
    names = [one.split('=', 1) for one in names.split(';')]
    keys = {who: words for who, words in names if words.startswith('key ')}
    names = {who: words for who, words in names if not words.startswith('key ')}
    tree = xml.fromstring(subprocess.run(['tshark', '-r', pcap, '-Y', 'bfd', '-T', 'pdml'], check=True,
                                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    shapes, count, seen = collections.Counter(), collections.Counter(), set()
    for packet in tree:
        field = {}
        for one in packet.iter('field'):
            field.setdefault(one.get('name'), one)
        source = (field.get('ip.src') if 'ip.src' in field else field.get('ipv6.src')).get('show')
        octets = field['udp.payload'].get('value')
        if source not in names or octets in seen:
            continue
        seen.add(octets)
        said = lines(field)
        # A kind of packet: its state, diagnostic and flags, its intervals, whether it knows the other end; of
        # authenticated ones two each.
        known = 'your 0x00000000' in said[3]
        shape = (names[source], said[1], said[2], known, said[4], tuple(said[5:6]))
        shapes[shape] += 1
        if shapes[shape] > (2 if len(said) > 5 else 1):
            continue
        if len(said) > 5:
            said = [keys[source]] + said + ['verified']
        short = names[source].split()[0].lower().replace('-', '_')
        count[short] += 1
        with open(f'{out}/{short}_{count[short]:02}.hex', 'w') as file:
            file.write(f'# captured from {names[source]}\n')
            file.writelines(f'#= {line}\n' for line in said)
            file.write(f'{octets[:48]}\n')
            if octets[48:]:
                file.write(f'{octets[48:]}\n')


if __name__ == '__main__':
    main(*sys.argv[1:4])
