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

for my $path (sort glob "$vectors/*.hex") {
    open my $file, '<', $path or die "$path: $!";
    my $text = join '', <$file>;
    (my $name = $path) =~ s{.*/}{};
    (my $hex = $text) =~ s/#.*//mg;
    $hex =~ s/\s//g;
    my $octets = pack 'H*', $hex;
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
