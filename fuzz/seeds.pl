#!/usr/bin/perl
# seeds.pl TARGET VECTORS OUT: one seed of a fuzz target for each vector that suits it.
use strict;
use warnings;

my ($target, $vectors, $out) = @ARGV;
system('mkdir', '-p', $out) == 0 or die;

sub put {
    my ($name, $octets) = @_;
    open my $file, '>:raw', "$out/$name" or die "$out/$name: $!";
    print $file $octets;
    close $file;
}

# What the vectors say of their session: the flags of fuzz/src/digest.rs.
sub flags {
    my ($text) = @_;
    my $flags = 3;
    $flags &= ~1 if $text =~ /^#= session .*two-octet/m;
    $flags &= ~2 if $text =~ /^#= session .*4096/m;
    $flags |= 4 if $text =~ /^#= session .*internal/m;
    return $flags;
}

sub sized { my ($octets) = @_; return pack('n', length $octets) . $octets; }

# The body of an UPDATE in parts, as fuzz/src/update.rs puts it together; what does not fit is left as it is.
sub parts {
    my ($body) = @_;
    return $body if length $body < 4;
    my $withdrawn = unpack 'n', $body;
    return $body if length $body < $withdrawn + 4;
    my $attributes = unpack 'n', substr $body, 2 + $withdrawn;
    my $announced = length($body) - 4 - $withdrawn - $attributes;
    return $body if $announced < 0 || $announced > 255 || $withdrawn > 255;
    return chr($withdrawn) . chr($announced) . substr($body, 2, $withdrawn) . substr $body, 4 + $withdrawn;
}

# A session script (fuzz/src/session.rs) that dials, comes up with every capability, and hears a message.
my $up = "\x9e\x01" . "\x00\x05" . "\x0c\x00\xff\xc9" . "\x0d\x00\x00";

# BFD: method, key number and key as fuzz/src/bfd/packet.rs reads them; another vector is tried with a key of its own.
my @methods = ('simple', 'md5', 'meticulous-md5', 'sha1', 'meticulous-sha1');

sub key {
    my ($text) = @_;
    my ($method, $id, $secret) = $text =~ /^#= key (\S+) (\d+) (.*)$/m ? ($1, $2, $3) : ('sha1', 1, 'secret');
    my ($number) = grep { $methods[$_] eq $method } 0 .. $#methods;
    return chr($number) . chr($id) . sized($secret);
}

# A BFD script (fuzz/src/bfd/session.rs): two ends of 10 ms * 3 that come up in two seconds.
my $pair = "\x07" . "\x01\x00\x00\x89\x00" . "\x0d\x60";
my %scripts = (
    silence => "\x0f\x60\x0d\x60",
    stall => "\x0c\x40\x0d\x20\x1c\x80\x0d\x20\x0f\x30",
    set => "\x03\x00\xdb\x01\x0d\x20\x13\x00\x40\x00\x0d\x60",
    admin => "\x04\x00\x84\x0d\x20\x04\x00\x00\x0d\x60\x14\x00\x8c\x0d\x20\x14\x00\x00\x0d\x60",
    suspend => "\x04\x00\x01\x0d\x20\x04\x00\x02\x0d\x60",
    close => "\x02\x00\x0d\x60\x00\x00\x00\x89\x00\x0d\x60",
    lies => "\x0a\x00\x40\x00\x03\x0d\x10\x0a\x00\xe0\x00\x03\x0a\x00\xd0\x00\x03\x0a\x00\x00\x00\x03\x0d\x20",
    passive => "\x05\x01\x06\x89\x00\x10\x01\x00\x89\x00\x0d\x60\x0f\x60\x0d\x60",
    signed => "\x01\x05\x00\x89\x18\x0d\x60\x01\x0a\x00\x89\x48\x0d\x60\x07\x08\x20\x01\x0d\x20",
    limit => join('', map { "\x00" . chr($_) . "\x00\x89\x04" } 1 .. 7),
    lost => "\x0f\x05\x0b\x03\x07\x01\x00\x00\x08\x04\x00\x00\x0d\x10",
);
if ($target eq 'bfd_session') {
    put($_, $pair . $scripts{$_}) for keys %scripts;
}

# OVSDB: a script (fuzz/src/ovn/mod.rs) that connects and is answered until there is a copy, then hears of changes.
my $synced = "\x00\x00" . "\x05" x 5;
my $row = '00000000-0000-0000-0000-00000000000a';
my %updates = (
    modify => qq({"T":{"$row":{"modify":{"name":"c","options":["map",[["k","w"]]],"up":true,"tag":["set",[3,4]]}}}}),
    delete => qq({"T":{"$row":{"delete":null}}}),
    insert => qq({"T":{"$row":{"insert":{"ports":["set",[]],"tag":["set",[1,2]]}}},"U":{"$row":{"insert":{"name":1}}}}),
    rows => qq({"T":{"$row":{"old":{"name":"a"},"new":{"name":"b","up":["set",[]]}}}}),
    nowhere => qq({"T":{"00000000-0000-0000-0000-0000000000ee":{"modify":{"name":"c"}}}}),
);
if ($target eq 'ovn_rpc') {
    put("update-$_", $synced . "\x07" . ($_ eq 'rows' ? "\x00" : "\x02") . sized($updates{$_})) for keys %updates;
    put("notice-$_", $synced . "\x04\x7f" . "\x08" . chr($_) . "\x05" x 3) for 0 .. 15;
    put('resume', $synced . "\x02" . "\x00" . "\x05" x 5);
    put('refused', $synced . "\x04\x03" . "\x06" . sized('[{},{"error":"timed out","details":"x"}]'));
    put('old', "\x00\x00" . "\x05" . "\x06" . sized('?') . "\x05" . ("\x06" . sized('?')) x 2 . "\x06" . sized("{}"));
    put('probe', $synced . "\x03\xff" . "\x05" . "\x03\xff" . "\x03\xff");
    for my $path (sort glob "$vectors/*.json") {
        open my $file, '<', $path or die "$path: $!";
        my $text = join '', <$file>;
        (my $name = $path) =~ s{.*/}{};
        put("raw-$name", $synced . "\x01" . sized($text));
        put("answer-$name", $synced . "\x04\x7f" . "\x06" . sized($text));
    }
}

for my $path (sort glob "$vectors/*.hex") {
    open my $file, '<', $path or die "$path: $!";
    my $text = join '', <$file>;
    (my $name = $path) =~ s{.*/}{};
    (my $hex = $text) =~ s/#.*//mg;
    $hex =~ s/\s//g;
    my $octets = pack 'H*', $hex;
    put($name, key($text) . "\x09" . $octets) if $target eq 'bfd_packet';
    put($name, $pair . "\x09\x00" . sized($octets) . "\x0d\x20") if $target eq 'bfd_session';
    my $kind = length $octets > 18 ? ord substr $octets, 18, 1 : 0;
    my $body = length $octets > 19 ? substr $octets, 19 : '';
    my $flags = chr flags($text);
    put($name, $flags . $octets) if $target eq 'bgp_frame';
    put($name, "\x7f" . $body) if $target eq 'bgp_open' && $kind == 1;
    put($name, $flags . sized($body)) if $target eq 'bgp_update' && $kind == 2;
    put("parts-$name", chr(8 | flags($text)) . sized(parts($body))) if $target eq 'bgp_update' && $kind == 2;
    next unless $target eq 'bgp_session';
    put($name, $up . "\x0a\x00" . sized($octets) . "\x0e\x20");
    put("open-$name", "\x9e\x01\x00\x05\x0a\x00" . sized($octets) . "\x0d\x00\x00") if $kind == 1;
}
