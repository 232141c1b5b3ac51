#!/usr/bin/perl

# Copyright (C) Keepers

# A limit and a session of one location are asked about in one write; a request
# that the limit refuses is not woken by the session's answer, wherever an
# error page has taken it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Keepers::FakeRedis;
use Keepers::Test;
use Test::More;


my $redis = start_redis();
my $between = work_dir() . '/between.sock';
my $fake = Keepers::FakeRedis->new(listen => $between,
                                   real => $redis->{socket});
my $upstream = IO::Socket::INET->new(Listen => 32, LocalAddr => '127.0.0.1',
                                     Proto => 'tcp') or die $!;
my $port = $upstream->sockport;

my $nginx = start_nginx(<<"END");
    keepers_zone            2m;
    keepers_key_file        %%KEYS%%/edge.keys;
    keepers_redis           unix:$between;

    # a busy machine is no dead Redis
    keepers_redis_timeout   2s;
    keepers_session_cookie  keepers insecure;
    keepers_session_cache   0;

    keepers_limit_rule wide  key=\$arg_who rate=1000/h;
    keepers_limit_rule one   key=\$arg_who rate=1/h;

    server {
        listen  127.0.0.1:%%PORT%%;
        root    %%DIR%%/html;

        location = /wide {
            keepers_session  required;
            keepers_limit    wide;
            try_files        /ok.txt =404;
        }

        location = /one {
            keepers_session  required;
            keepers_limit    one;
            error_page       401 429 = \@slow;
            try_files        /ok.txt =404;
        }

        location \@slow {
            proxy_pass http://127.0.0.1:$port;
        }

        location \@again {
            keepers_session  required;
            proxy_pass       http://127.0.0.1:$port;
        }

        location = /again {
            keepers_session  optional;
            keepers_limit    one;
            error_page       429 = \@again;
            try_files        /ok.txt =404;
        }

        location = /status { keepers_status; }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/ok.txt", "ok\n", 0644);

my ($address) = $nginx->{url} =~ m{//([\d.]+:\d+)};

sub values_of {
    my ($text) = ua()->get("$nginx->{url}/status")->res->body;

    return map { $text =~ /^keepers_redis_\Q$_\E (\d+)$/m ? $1 : die $_ }
               qw(commands_total writes_total errors_total{kind="timeout"});
}

# One request with new cookies that have the shape of a token, so that Redis is
# asked; what upstream says, if it is asked, is $say, and it has Redis say what
# it has kept.
sub request {
    my ($path, $say, $cookies) = @_;
    my $cookie = join('; ', map { "keepers=v1.$_" }
                 map { join('', map { ('a' .. 'z')[rand(26)] } 1 .. 52) . 'AA' }
                 1 .. $cookies // 1);
    my $client = IO::Socket::INET->new(PeerAddr => $address) or die $!;

    print $client "GET /$path HTTP/1.1\r\nHost: localhost\r\n"
                  . "Cookie: $cookie\r\nConnection: close\r\n\r\n";

    my $asked = 0;
    my $select = IO::Select->new($upstream, $client);

    while (grep { $_ == $upstream } $select->can_read(10)) {
        my $server = $upstream->accept;
        my $length = length($say);

        $asked++;
        $fake->mode('right');

        # long enough for whatever else is under way to arrive
        select(undef, undef, undef, 0.1);
        sysread($server, my $head, 8192);
        print $server "HTTP/1.0 200 OK\r\nContent-Length: $length\r\n\r\n$say";
        close($server);
    }

    my $text = do { local $/; <$client> } // '';

    my ($code) = $text =~ m{^HTTP/1\.1 (\d+)};
    my ($body) = $text =~ /\r\n\r\n(.*)/s;

    return ($code // 'none', $asked, $body // '');
}

ok(wait_for { ua()->get("$nginx->{url}/status")->res->body
              =~ /^keepers_redis_ready 1$/m }, 'Redis is ready');

is((request('wide?who=a', ''))[0], 401, 'the session is checked');

# what a worker asks once it is connected, and then each minute
ok(wait_for { 2 == grep { $_ eq 'INFO' } $fake->seen }, 'it has asked');

my @before = values_of();

is((request("wide?who=a", ''))[0], 401, 'behind a limit') for 1 .. 5;

my @after = values_of();

is($after[0] - $before[0], 10, 'two commands a request');
is($after[1] - $before[1], 5, 'in one write');

is(join(' ', (request('one?who=a', 'no session'))[0, 1, 2]),
   '200 1 no session', 'one passes, and has no session');

for my $i (1 .. 20) {
    # whom the zone does not know yet: Redis refuses, with both under way
    request("one?who=k$i", 'first');

    is(join(' ', (request("one?who=k$i", 'slow down'))[0, 1, 2]),
       '200 1 slow down', 'the limit refuses, and its error page is asked once');
}

# The session's answer comes when the error page is under way.
for my $i (1 .. 5) {
    request("one?who=h$i", 'first');
    $fake->mode('hold:MGET');

    is(join(' ', (request("one?who=h$i", 'slow down'))[0, 1, 2]),
       '200 1 slow down', 'nor does a late session wake it');
}

is((values_of())[2], 0, 'and none has waited for it');

# Several cookies are several lookups, of which none may wake it.
for my $i (1 .. 10) {
    request("one?who=s$i", 'first', 3);
    $fake->mode('hold:MGET') if $i % 2;

    is(join(' ', (request("one?who=s$i", 'slow down', 3))[0, 1, 2]),
       '200 1 slow down', 'nor does one of its cookies wake it');
}

request('again?who=b', 'x');
is(join(' ', (request('again?who=b', 'secret'))[0, 1]), '401 0',
   'an error page with a session of its own checks it');

done_testing();
