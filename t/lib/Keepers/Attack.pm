package Keepers::Attack;

# Copyright (C) Keepers

# Requests from many connections, spread over several nginx, each with one
# under way all the time.
#
#     my $codes = attack([$nginx, $other], '/path', 20, 1000, sub {
#         my ($answered) = @_; ...
#     });
#     $codes->{200}

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;

our @EXPORT = qw(attack);


# All connections have a request under way all the time; $each is called
# after each answer with how many there were.
sub attack {
    my ($nginx, $path, $connections, $tries, $each) = @_;
    my $select = IO::Select->new;
    my ($sent, $done, %codes, %text) = (0, 0);

    my $ask = sub {
        my ($socket) = @_;

        return if $sent++ >= $tries;
        $text{$socket} = '';
        $socket->syswrite("GET $path HTTP/1.1\r\nHost: x\r\n\r\n");
    };

    for my $i (0 .. $connections - 1) {
        my ($peer) = $nginx->[$i % @$nginx]{url} =~ m{//([\d.]+:\d+)};
        my $socket = IO::Socket::INET->new(PeerAddr => $peer) or die $!;

        $select->add($socket);
        $ask->($socket);
    }

    while ($done < $tries) {
        my @ready = $select->can_read(20) or die 'no answer';

        for my $socket (@ready) {
            $socket->sysread($text{$socket}, 8192, length($text{$socket}))
                or die 'closed';

            my ($head) = $text{$socket} =~ /^(.*?\r\n\r\n)/s or next;
            my ($length) = $head =~ /^Content-Length: (\d+)/mi;

            next if length($text{$socket}) < length($head) + ($length // 0);

            $codes{substr($head, 9, 3)}++;
            $each->(++$done) if $each;
            $done++ if !$each;
            $ask->($socket);
        }
    }

    return \%codes;
}


1;
