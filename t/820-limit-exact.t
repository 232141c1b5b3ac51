#!/usr/bin/perl

# Copyright (C) Keepers

# A thousand tries from twenty connections, over two machines that share a
# Redis, and exactly a hundred pass; with Redis killed once all of them are
# gone, the attack goes on for nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Keepers::Test;
use Test::More;


my $redis = start_redis();

# a hundred an hour: none comes back while the test runs, however slowly
my $http = <<'END';
    keepers_zone      2m;
    keepers_key_file  %%KEYS%%/edge.keys;
    keepers_redis     unix:%%REDIS%%;

    keepers_limit_rule  exact key=$arg_who rate=100/h burst=100;

    server {
        listen  127.0.0.1:%%PORT%%;
        root    %%DIR%%/html;

        keepalive_requests  100000;

        location = /exact  { keepers_limit exact; try_files /ok.txt =404; }
        location = /status { keepers_status; }
    }
END

my @nginx = map { start_nginx($http) } 1 .. 2;

for my $nginx (@nginx) {
    mkdir("$nginx->{dir}/html");
    spew("$nginx->{dir}/html/ok.txt", "ok\n", 0644);
}


sub ready {
    return ua()->get("$_[0]{url}/status")->res->body
           =~ /^keepers_redis_ready 1$/m;
}


# All connections have a request under way all the time; $each is called
# after each answer with how many there were.
sub attack {
    my ($who, $connections, $tries, $each) = @_;
    my $select = IO::Select->new;
    my ($sent, $done, %codes, %text) = (0, 0);

    my $ask = sub {
        my ($socket) = @_;

        return if $sent++ >= $tries;
        $text{$socket} = '';
        $socket->syswrite("GET /exact?who=$who HTTP/1.1\r\nHost: x\r\n\r\n");
    };

    for my $i (0 .. $connections - 1) {
        my ($peer) = $nginx[$i % @nginx]{url} =~ m{//([\d.]+:\d+)};
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


ok(wait_for { ready($nginx[0]) && ready($nginx[1]) }, 'Redis is ready');

is_deeply(attack('a', 20, 1000), { 200 => 100, 429 => 900 },
          'exactly a hundred of a thousand pass');

# what each machine has refused it knows without Redis
my $codes = attack('b', 20, 1000,
                   sub { kill_hard($redis) if $_[0] == 500 });

is(($codes->{200} // 0) + ($codes->{429} // 0), 1000, 'all are answered');
cmp_ok($codes->{200}, '<=', 110, 'Redis killed when the hundred are gone: a '
                                 . 'tenth more at most');
cmp_ok($codes->{200}, '>=', 100, 'and nobody is refused too early');

done_testing();
