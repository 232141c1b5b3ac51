package Keepers::Zone;

# Copyright (C) Keepers

# The shared zone of an nginx that runs, through /proc: what another version of
# the module, or a worker that was killed, would have left in it.

use strict;
use warnings;

use Exporter qw(import);

use Keepers::Process;

our @EXPORT = qw(zone_open zone_read zone_write zone_find);


# The only zone of an nginx, or undef.
sub zone_open {
    my ($nginx) = @_;
    no warnings qw(portable);
    my ($range) = grep { /^\S+ rw-s .*zero/ }
                  split(/^/, slurp("/proc/$nginx->{pid}/maps"));
    my ($start, $end) = ($range // '') =~ /^([0-9a-f]+)-([0-9a-f]+)/
        or return;

    open(my $memory, '+<:raw', "/proc/$nginx->{pid}/mem") or return;
    return { memory => $memory, start => hex($start),
             size => hex($end) - hex($start) };
}


sub zone_read {
    my ($zone, $offset, $len) = @_;

    sysseek($zone->{memory}, $zone->{start} + $offset, 0);
    sysread($zone->{memory}, my $bytes, $len);
    return $bytes;
}


sub zone_write {
    my ($zone, $offset, $bytes) = @_;

    sysseek($zone->{memory}, $zone->{start} + $offset, 0);
    return syswrite($zone->{memory}, $bytes) == length($bytes);
}


# Where the bytes are; -1: nowhere.
sub zone_find {
    my ($zone, $bytes) = @_;

    return index(zone_read($zone, 0, $zone->{size}), $bytes);
}


1;
