#!/usr/bin/perl

# Copyright (C) Keepers

# A session that ends on one node ends on all of them: at once by pub/sub, and
# within a second where that was interrupted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::UNIX;
use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);


my $max = 5;
my $p = start_platform(limits => 'off', conf => sub {
    my ($conf) = @_;
    my $file = $conf =~ s{[^/]*$}{keepers.conf}r;

    spew($file, slurp($file) . "keepers_session_max $max;\n");
});

# another node, with the same keys, that would believe its zone for 20 s
my $node = start_nginx(<<"END");
worker_processes 2;

http {
    access_log  off;

    keepers_zone            2m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_session_cookie  keepers insecure;
    keepers_session_cache   20s;

    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            keepers_session  required;
            alias            %%DIR%%/html/;
        }

        location = /status {
            keepers_status  json;
        }
    }
}
END

mkdir "$node->{dir}/html";
spew("$node->{dir}/html/page", "PROTECTED\n", 0644);

my $other = ua();


sub cookie {
    my ($ua) = @_;

    my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
                   map { @$_ } $ua->cookie_jar->all;
    return $cookie;
}


sub code {
    my ($cookie) = @_;

    return $other->get("$node->{url}/page",
                       { Cookie => "keepers=$cookie" })->res->code // 0;
}


# All of them, within so many seconds: 1, where it would be 20 without a message
# and the machine may be busy.
sub ended {
    my ($timeout_s, @cookies) = @_;
    my $until = time() + $timeout_s;

    for my $cookie (@cookies) {
        while (code($cookie) != 401) {
            return 0 if time() > $until;
            sleep(0.002);
        }
    }

    return 1;
}


sub status {
    return decode_json($other->get("$node->{url}/status")->res->body);
}


# Redis counts those that listen; a worker knows a moment later.
sub subscribed {
    my $all = workers($node) + workers($p->{nginx});

    my $ok = wait_for {
        my $n = redis_cli($p->{redis}, 'PUBSUB', 'NUMSUB', 'keepers:revoke');
        return $n =~ /(\d+)\s*\z/ && $1 == $all;
    };

    sleep(0.1);
    return $ok && wait_for { status()->{keepers_subscribed} };
}


sub redis {
    my ($bytes) = @_;

    my $socket = IO::Socket::UNIX->new($p->{redis_socket});
    my $auth = "AUTH admin $p->{redis_admin_password}\r\n";
    $socket->syswrite($auth . $bytes);
    my $in = '';
    sleep 0.1;
    $socket->sysread($in, 65536);
    return $in;
}


ok(subscribed(), 'every worker of both nodes has subscribed');


# --- sign-out on one node, 50 times

my (@late_s, $served);

for my $round (1 .. 50) {
    my $ua = sign_in($p);
    my $cookie = cookie($ua);

    $served += (code($cookie) == 200) + (code($cookie) == 200);

    $ua->post("$p->{url}/signout" => { Origin => $p->{url} });
    my $since = time();
    ended(3, $cookie);
    push(@late_s, time() - $since);
    last if $late_s[-1] > 1;
}

@late_s = sort { $a <=> $b } @late_s;
is($served, 2 * @late_s, 'the other node serves the sessions before');
cmp_ok($late_s[-3], '<', 0.25, 'sign-out is effective elsewhere in 250 ms');
cmp_ok($late_s[-1], '<', 1, 'even where the machine was busy');
diag(sprintf('sign-out seen on another node: p50 %.1f ms, worst of 50 %.1f ms',
             $late_s[25] * 1000, $late_s[-1] * 1000));
cmp_ok(status()->{keepers_revocations_total}{'result=heard'}, '>=', 50,
       'revocations are counted');


# --- the other ways to end a session

{
    my @ua = map { sign_in($p) } 1 .. 3;
    my @cookie = map { cookie($_) } @ua;

    code($_) for @cookie;
    is($ua[0]->delete("$p->{url}/api/v1/sessions"
                      => { Origin => $p->{url} })->res->code, 204,
       'the others end');
    ok(ended(1, @cookie[1, 2]),
       'on the other node too');
    is(code($cookie[0]), 200, 'the current one does not');

    $ua[1] = sign_in($p);
    $cookie[1] = cookie($ua[1]);
    code($cookie[1]);
    is($ua[0]->delete("$p->{url}/api/v1/sessions/all")->res->code, 403,
       'signing out everywhere wants an origin or a token');
    my $res = $ua[0]->delete("$p->{url}/api/v1/sessions/all"
                             => { Origin => $p->{url} })->res;
    is($res->code, 204, 'sign out everywhere');
    like($res->headers->set_cookie // '', qr/^keepers=;.*Max-Age=0/,
         'its cookie goes');
    ok(ended(1, @cookie[0, 1]),
       'all sessions end everywhere');
    is($ua[1]->get("$p->{url}/api/v1/sessions")->res->code, 401,
       'here as well');

    my $ua = sign_in($p);
    my $old = cookie($ua);
    is(code($old), 200, 'one can sign in again');

    $ua->post("$p->{url}/signin" => { Origin => $p->{url} }, form => {
        email => $p->{owner_email}, password => $p->{owner_password} });
    isnt(cookie($ua), $old, 'a new sign-in makes a new session');
    ok(ended(1, $old), 'the old one ends everywhere');

    my @most = map { cookie(sign_in($p)) } 1 .. $max;

    is(join(' ', map { code($_) } @most), join(' ', (200) x $max),
       'as many sessions as one may have');
    sign_in($p);
    ok(ended(1, $most[0]), 'one more ends the oldest, everywhere');
    is(code($most[1]), 200, 'and no other');
}


# --- junk on the channel

{
    my $cookie = cookie(sign_in($p));
    my $sid = 'A' x 43;
    my $junk = '';

    is(code($cookie), 200, 'served before');

    for my $message ('', "\0\xff\r\n*3\r\n", 'x' x 42, '!' x 43, 'x' x 4000,
                     ($sid) x 2000, $sid x 50, $sid x 51)
    {
        $junk .= sprintf("*3\r\n\$7\r\nPUBLISH\r\n\$14\r\nkeepers:revoke\r\n"
                         . "\$%d\r\n%s\r\n", length($message), $message);
    }

    redis($junk);
    ok((wait_for {
           return status()->{keepers_revocations_total}{'result=junk'} >= 10;
       }),
       'junk is counted');
    is(code($cookie), 200, 'and ends nothing');

    redis("*3\r\n\$7\r\nPUBLISH\r\n\$14\r\nkeepers:revoke\r\n\$100000\r\n"
          . 'x' x 100_000 . "\r\n");
    ok(subscribed(), 'one that is too long costs the subscription a moment');
    is(code($cookie), 200, 'and ends nothing');
    is(scalar(logs(qr/SIGSEGV/)), 0, 'nobody crashed');
}


# --- the subscription is cut, and what is published then is missed

{
    my $ua = sign_in($p);
    my $cookie = cookie($ua);

    is(code($cookie), 200, 'in the zone');
    redis_cli($p->{redis}, 'ACL', 'SETUSER', 'edge', '-subscribe');
    redis_cli($p->{redis}, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
    ok((wait_for { return !status()->{keepers_subscribed} }), 'deaf');
    is(code($cookie), 200, 'still served');

    $ua->post("$p->{url}/signout" => { Origin => $p->{url} });
    my $since = time();
    ok(ended(3, $cookie), 'its end is seen');
    cmp_ok(time() - $since, '<', 2, 'in about a second');
    cmp_ok(scalar(logs(qr/SUBSCRIBE refused/)), '>=', 1,
           'and the log says why it is deaf');

    my $next = sign_in($p);
    $cookie = cookie($next);
    redis_cli($p->{redis}, 'ACL', 'SETUSER', 'edge', '+subscribe');
    ok(subscribed(), 'it listens again');
    is(code($cookie), 200, 'in the zone again');

    # a message between the cut and the new subscription: the flush finds it
    redis("CLIENT KILL TYPE pubsub\r\n");
    redis_cli($p->{redis}, 'EVAL', 'for _,k in ipairs(redis.call("KEYS",'
              . '"keepers:*:s:*")) do redis.call("DEL",k) end', 0);
    ok(ended(1, $cookie), 'what was missed is not served');
}


# lua-resty-resolver#6: "I am the master" outlived its worker, and nobody was.
# --- a worker is killed; Redis restarts

{
    my $ua = sign_in($p);
    my $cookie = cookie($ua);
    my ($worker) = workers($node);

    allow_log(qr/exited on signal 9/);
    code($cookie);
    kill('KILL', $worker);
    ok((wait_for {
           my @now = workers($node);
           return @now == 2 && !grep { $_ == $worker } @now;
       }), 'a worker was replaced');
    ok(subscribed(), 'all listen');
    is(code($cookie), 200, 'the session goes on');
    $ua->post("$p->{url}/signout" => { Origin => $p->{url} });
    ok(ended(1, $cookie), 'and ends everywhere');

    restart($p->{redis});
    ok(subscribed(), 'all listen after a restart of Redis');
    ok((wait_for { return $ua = eval { sign_in($p) } }), 'one can sign in');
    $cookie = cookie($ua);
    ok((wait_for { code($cookie) == 200 }), 'a session is served');
    $ua->post("$p->{url}/signout" => { Origin => $p->{url} });
    ok(ended(1, $cookie), 'and ends everywhere');
}


done_testing();
