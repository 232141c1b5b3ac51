#!/usr/bin/perl

# Copyright (C) Keepers

# Whom $keepers_client counts in the key of a limit: an address of IPv4, the
# /64 of IPv6 and, sixteen times as much, its /48; never everybody behind a
# Unix socket as one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::UNIX;
use Keepers::Test;
use Test::More;


my $redis = start_redis();

my $nginx = start_nginx(<<'END');
    keepers_zone      2m;
    keepers_key_file  %%KEYS%%/edge.keys;
    keepers_redis     unix:%%REDIS%%;

    # a busy machine is no dead Redis
    keepers_redis_timeout   2s;

    keepers_limit_rule net      key=$keepers_client rate=2/h;
    keepers_limit_rule mixed    key=${keepers_client}:$arg_who rate=2/h;
    keepers_limit_rule hashed   key=$keepers_client$arg_not rate=1/h
                                if=$arg_if;
    keepers_limit_rule longer   key=$keepers_client_of rate=1/h;
    keepers_limit_rule shadow   key=$keepers_client rate=1/h mode=shadow;
    keepers_limit_rule tap      key=$keepers_client rate=1/h mode=tap;
    keepers_limit_rule hold     key=$keepers_client rate=1/h mode=hold;

    map $arg_who $keepers_client_of { default constant; }

    log_format limit $keepers_limit;

    server {
        listen  127.0.0.1:%%PORT%%;
        listen  unix:%%DIR%%/nginx.sock;
        root    %%DIR%%/html;

        set_real_ip_from  127.0.0.1;
        real_ip_header    X-Client;

        access_log  %%DIR%%/limit.log limit;

        location = /net    { keepers_limit net; try_files /ok.txt =404; }
        location = /mixed  { keepers_limit mixed; try_files /ok.txt =404; }
        location = /if     { keepers_limit hashed; try_files /ok.txt =404; }
        location = /longer { keepers_limit longer; try_files /ok.txt =404; }
        location = /shadow { keepers_limit shadow; try_files /ok.txt =404; }
        location = /tap    { keepers_limit tap; try_files /ok.txt =404; }
        location = /hold   { keepers_limit hold; try_files /ok.txt =404; }
        location = /status { keepers_status; }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/ok.txt", "ok\n", 0644);

my $url = $nginx->{url};
my $ua = ua();

sub get { return $ua->get("$url/$_[0]", { 'X-Client' => $_[1] })->res }

sub codes {
    my ($path, $client, $n) = @_;

    return join(' ', map { get($path, $client)->code } 1 .. $n);
}

ok(wait_for { $ua->get("$url/status")->res->body =~ /^keepers_redis_ready 1$/m
}, 'Redis is ready');


# IPv4

is(codes('net', '192.0.2.1', 3), '200 200 429', 'an address has its budget');
is(codes('net', '192.0.2.2', 1), '200', 'its neighbour another');

# kanboard#5862, django-defender#96: what a client says of itself is no address
is(join(' ', map { $ua->get("$url/net", { 'X-Client' => '192.0.2.1',
                                          'X-Forwarded-For' => "10.0.0.$_",
                                          'X-Real-IP' => "10.0.1.$_",
                                          Forwarded => "for=10.0.2.$_" })
                       ->res->code } 1 .. 3), '429 429 429',
   'no other header makes another one of it');
is(codes('net', '::ffff:192.0.2.1', 1), '429',
   'mapped into IPv6 it is the same');


# IPv6

is(codes('net', '2001:db8:1:1::1', 3), '200 200 429', 'a /64 has a budget');
is(codes('net', '2001:db8:1:1:ffff::9', 1), '429',
   'whatever address in it is used');

my $admitted = 0;

for my $subnet (2 .. 60) {
    $admitted += get('net', sprintf('2001:db8:1:%x::1', $subnet))->code == 200
        for 1 .. 2;
}

is($admitted, 30, 'its /48 has sixteen times as much, two of it used');

my $res = get('net', '2001:db8:1:77::1');

is($res->code, 429, 'somebody who has not yet asked is refused there');
like($res->headers->header('RateLimit'), qr{^"net/48";r=0;t=\d+$},
     'and told why');
is(codes('net', '2001:db8:2:1::1', 1), '200', 'another /48 has its own');
unlike(get('net', '2001:db8:2:2::1')->headers->header('RateLimit'), qr{/48},
       'and says nothing of it while there is room');


# The key as it is written

is(codes('mixed?who=a', '192.0.2.1', 3), '200 200 429', '${keepers_client}');
is(codes('mixed?who=b', '192.0.2.1', 1), '200', 'and what stands beside it');
is(codes('longer', '192.0.2.1', 1) . ' ' . codes('longer', '192.0.2.9', 1),
   '200 429', 'a longer name is another variable');

is(codes('if?if=1', '192.0.2.1', 2), '200 429', 'a condition that holds');
is(codes('if?if=0', '192.0.2.1', 2) . ' ' . codes('if', '192.0.2.1', 2),
   '200 200 200 200', '0 and nothing do not');


# throttled#47, throttled#49, throttled#52: the port in the key, or no address.
# A Unix socket has no address: no bucket, rather than one for all

for my $path (qw(net mixed)) {
    my $codes = '';

    for (1 .. 4) {
        my $socket = IO::Socket::UNIX->new("$nginx->{dir}/nginx.sock")
            or die $!;

        print $socket "GET /$path HTTP/1.0\r\n\r\n";
        $codes .= ' ' . substr(<$socket>, 9, 3);
    }

    is($codes, ' 200 200 200 200', "/$path over a Unix socket");
}


# What refuses nobody

spew("$nginx->{dir}/limit.log", '');

is(codes('shadow', '192.0.2.7', 2), '200 200', 'shadow refuses nobody');
is(codes('tap', '192.0.2.7', 2), '200 200', 'nor does tap, but signups');
is(codes('hold', '192.0.2.7', 2), '200 200', 'nor hold');

# the line of a request before may come after the log was emptied, and is empty
sub found { return grep { $_ ne '' } split(/\n/,
                                           slurp("$nginx->{dir}/limit.log")) }

ok(wait_for { found() == 6 }, 'is logged');
is(join(' ', found()), 'passed shadow passed suspect passed suspect',
   'but $keepers_limit says what they found');

done_testing();
