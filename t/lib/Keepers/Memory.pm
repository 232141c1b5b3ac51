package Keepers::Memory;

# Copyright (C) Keepers

# What a core of a process would have: all that it may write to, read from
# outside while it runs.
#
#     my $memory = Keepers::Memory->of($pid);
#     $memory->has('Some-Marker');        # as it is, lower case, base64
#     $memory->around('Some-Marker');     # what stands beside it, for a person
#
# A marker has letters and digits alone, so that an encoding for URLs, JSON or
# HTML is the marker itself.

use strict;
use warnings;
no warnings qw(portable);     # an address has 64 bits

use Fcntl qw(SEEK_SET);
use MIME::Base64 qw(encode_base64);


sub of {
    my ($class, $pid) = @_;
    my @regions;

    open(my $maps, '<', "/proc/$pid/maps") or die("/proc/$pid/maps: $!\n");
    open(my $memory, '<:raw', "/proc/$pid/mem") or die("/proc/$pid/mem: $!\n");

    while (my $line = <$maps>) {
        my ($from, $to, $name) =
            $line =~ /^([0-9a-f]+)-([0-9a-f]+) rw\S+ \S+ \S+ \S+\s*(.*)/ or next;

        ($from, $to) = map { hex } $from, $to;
        sysseek($memory, $from, SEEK_SET) or die("seek: $!\n");
        my $got = sysread($memory, my $bytes, $to - $from);

        push(@regions, { name => $name, bytes => $bytes }) if $got;
    }

    return bless({ regions => \@regions }, $class);
}


sub size {
    my ($self) = @_;
    my $size = 0;

    $size += length($_->{bytes}) for @{$self->{regions}};
    return $size;
}


# In base64 a text has three shapes, by its place; their ends depend on what
# stands beside it.
sub forms {
    my ($marker) = @_;
    my @base64;

    for my $shift (0 .. 2) {
        my $text = encode_base64('x' x $shift . $marker, '');

        push(@base64, substr($text, 4, length($text) - 8));
    }

    return ($marker, lc($marker), @base64, map { tr{+/}{-_}r } @base64);
}


sub has {
    my ($self, $marker) = @_;

    for my $form (forms($marker)) {
        for my $region (@{$self->{regions}}) {
            return 1 if index($region->{bytes}, $form) >= 0;
        }
    }

    return 0;
}


sub around {
    my ($self, $marker) = @_;
    my @found;

    for my $form (forms($marker)) {
        for my $region (@{$self->{regions}}) {
            my $at = index($region->{bytes}, $form);

            next if $at < 0;

            my $from = $at < 60 ? 0 : $at - 60;
            my $text = substr($region->{bytes}, $from, 160);

            push(@found, ($region->{name} || 'anonymous') . ': '
                         . $text =~ s/[^ -~]/./gr);
        }
    }

    return @found;
}


1;
