#!/usr/bin/perl

# Copyright (C) Keepers

# A network between a client and a TCP server that is as bad as it may be:
# bytes pass in pieces of at most so many, and for the first milliseconds after
# a "stall" file appears nobody reads what the client sends.
#
#     relay.pl PORT SERVER-PORT BYTES STALL-FILE

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(sleep);

my ($port, $server, $bytes, $stall) = @ARGV;
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64,
                                   LocalPort => $port, ReuseAddr => 1)
    or die("cannot listen: $!\n");

# a client's socket has the buffer of the one that listens
setsockopt($listen, SOL_SOCKET, SO_RCVBUF, 4096);

my $select = IO::Select->new($listen);
my (%peer, %client);


sub pass {
    my ($from) = @_;
    my $to = $peer{$from};
    my $n = $from->sysread(my $piece, $bytes);

    if ($n && defined $to->syswrite($piece)) {
        return;
    }

    for ($from, $to) {
        $select->remove($_);
        delete $peer{$_};
        delete $client{$_};
        close($_);
    }

    return;
}


$SIG{PIPE} = 'IGNORE';

while (1) {
    my @ready = $select->can_read(0.05);

    for my $socket (@ready) {
        if ($socket == $listen) {
            my $near = $listen->accept or next;
            my $far = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                            PeerPort => $server);

            next if !$far;
            @peer{$near, $far} = ($far, $near);
            $client{$near} = 1;
            $select->add($near, $far);
            next;
        }

        next if $client{$socket} && -e $stall;
        pass($socket) if $peer{$socket};
    }

    sleep(0.01) if -e $stall;
}
