#!/usr/bin/perl

# Copyright (C) Keepers

# Guessing at an account is slow from wherever it is done, whether the account
# is there or not, and keeps nobody out who has signed in on that device before.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Test;
use MIME::Base64 qw(decode_base64url);
use Test::More;


# The shipped rules, of which one shall not drain while a test runs; each client
# may have an address of its own.
my $p = start_platform(conf => sub {
    my ($file) = @_;
    my ($limits) = map { "$_/keepers-limits.conf" } $file =~ m{^(.*)/};

    spew($limits, slurp($limits) =~ s{(signin_network.*?)rate=10/m}
                                     {${1}rate=10/h}sr, 0644);

    spew($file, slurp($file)
        =~ s{(server_name  _;)}{$1 set_real_ip_from 127.0.0.1;
                                real_ip_header X-Client;}r, 0644);
});

my $wrong = canary('canary-wrong-7Qx');
my $addresses = 0;


# An address that nobody had: its /64 and, if it is one of IPv6, its /48.
sub address { return sprintf('10.9.%d.%d', $addresses / 250, $addresses++ % 250) }


sub try_as {
    my ($email, $password, %header) = @_;
    my $address = delete($header{address}) // address();

    return ua()->post("$p->{url}/signin"
                      => { Origin => $p->{url}, 'X-Client' => $address,
                           %header }
                      => form => { email => $email, password => $password })
               ->res;
}


# The statuses of n guesses, each from another address, as in "401x20 429x5".
sub guesses {
    my ($email, $n, %header) = @_;
    my @runs;

    for (1 .. $n) {
        my $code = try_as($email, $wrong, %header)->code;

        @runs && $runs[-1][0] == $code ? $runs[-1][1]++
                                       : push(@runs, [$code, 1]);
    }

    return join(' ', map { "$_->[0]x$_->[1]" } @runs);
}


# Each subtest has an account of its own: what was refused stays refused.
my ($owner, $people) = ($p->{owner_email}, 0);

sub another {
    $owner = sprintf('till-%d@example.com', ++$people);

    my ($status, $words) = operator($p, "$p->{owner_password}\n",
        qw(account add --business Till --email), $owner,
        qw(--role staff));

    $status == 0 or die("account add: $words\n");
    return device(owner());
}


sub owner { return try_as($owner, $p->{owner_password}, @_) }


# The cookie of a device that has just signed in.
sub device {
    my ($res) = @_;

    return map { /^(keepers-device=[^;]+)/ ? $1 : () }
               @{$res->headers->every_header('Set-Cookie')};
}


sub forget { redis_cli($p->{redis}, 'flushall'); return }

sub counted {
    my ($verdict) = @_;
    my $text = ua()->get("$p->{url}/keepers/status")->res->body;

    return $text =~ /^keepers_signins_total\{verdict="$verdict"\} (\d+)$/m
               ? $1 : undef;
}


my $known;

subtest 'the cookie of a device' => sub {
    ($known) = device(owner());

    my $res = owner();
    my ($set) = grep { /-device/ }
                     @{$res->headers->every_header('Set-Cookie')};
    my ($token) = $set =~ /^keepers-device=([\w-]{54}); Path=\/;/;

    ok($token, 'is set by a right sign-in');
    like($set, qr/; Max-Age=15552000;/, 'for 180 days');
    like($set, qr/; HttpOnly; SameSite=Lax$/, 'out of sight of scripts');
    cmp_ok(length($set), '<=', 200, 'is small');
    unlike(decode_base64url($token) . $token, qr/owner|example/,
           'and says nothing of whose it is');
    isnt("keepers-device=$token", $known, 'each device has its own');
    is(scalar(device(owner(Cookie => "keepers-device=$token"))), 0,
       'a fresh one is left as it is');
    is(scalar(device(try_as($owner, $wrong))), 0,
       'a wrong password gives none');
};

subtest 'an attack on an account from everywhere' => sub {
    ($known) = another();
    is(guesses($owner, 26), '401x20 429x6',
       'ends after twenty guesses');
    is(owner()->code, 429, 'and says nothing of the right password');
    is(owner(Cookie => $known)->code, 303, 'the owner gets in at once');
    is(try_as($owner, $wrong, Cookie => $known)->code, 401,
       'or after a slip');
    is(owner(Cookie => $known)->code, 303, 'with the second try');

    # authelia#12170: other letters, another account
    is(guesses(uc($owner), 3), '429x3',
       'another spelling is the same account');
    is(guesses(" $owner\t", 3), '429x3', 'however it is typed');

    my $bad = counted('bad');
    my $limited = counted('limited');

    guesses($owner, 5);
    is(counted('bad'), $bad, 'the writer is not asked');
    is(counted('limited'), $limited + 5, 'it is counted');

    is(guesses('canary-other@example.org', 3), '401x3',
       'other accounts are free');
};

# authelia#11972: who is not there was not counted.
subtest 'an account that is not there' => sub {
    my $nobody = 'canary-nobody@example.org';

    is(guesses($nobody, 26), '401x20 429x6', 'is counted alike');

    my @res = map { try_as($_, $wrong) } $nobody, $owner;
    my @text = map { join("\n", map({ lc($_) } grep { !/^(date|retry-after)/i }
                                    split(/\r?\n/, $_->headers->to_string)),
                          $_->body =~ s/in \d+ min/in N min/r) } @res;

    is($res[0]->code, 429, 'refused');
    is($text[0], $text[1], 'with the same bytes');
    is(guesses('not an address', 22), '401x20 429x2', 'so is what is none');
};

subtest 'what is said' => sub {
    my $res = try_as($owner, $wrong);
    my ($minutes) = $res->dom->at('.summary')->all_text =~ /in (\d+) min/;

    is($res->code, 429, 'a person');
    cmp_ok($minutes, '<=', 22, 'is told for how long');
    cmp_ok($minutes, '>=', 1, 'in minutes');
    cmp_ok($res->headers->header('Retry-After'), '<=', $minutes * 60,
           'as the header has it');
    unlike($res->headers->header('RateLimit') // '', qr/account|device/,
           'and not how much of the account was tried');
    is($res->headers->header('Cache-Control'), 'no-store', 'not stored');

    $res = ua()->post("$p->{url}/signin" => { 'X-Client' => address() }
                      => json => { email => $owner,
                                   password => $wrong })->res;
    is($res->code, 429, 'a program');
    is($res->json->{code}, 'rate_limited', 'gets a code');
    ok($res->headers->header('Retry-After'), 'and when to come back');
};

subtest 'one network' => sub {
    ($known) = another();

    my $address = address();

    is(guesses($owner, 12, address => $address), '401x10 429x2',
       'cannot use up an account');
    is(owner()->code, 303, 'which others still get into');
    is(guesses('canary-a@example.org', 12, address => $address),
       '401x10 429x2', 'has as much for another account');
    is(guesses('canary-b@example.org', 12, address => $address),
       '401x10 429x2', 'and another');
    is(guesses('canary-c@example.org', 3, address => $address), '429x3',
       'but not for all');
    is(owner(address => $address)->code, 429, 'who is new there waits');
    is(owner(address => $address, Cookie => $known)->code, 303,
       'who is known does not: the cafe has one address for all');
};

subtest 'a device' => sub {
    my $other = 'canary-else@example.org';

    ($known) = another();
    is(guesses($owner, 22, Cookie => $known), '401x20 429x2',
       'has as much as strangers');
    is(guesses($owner, 2), '401x2', 'who lose nothing by it');

    my ($second) = device(owner());

    is(owner(Cookie => $second)->code, 303, 'nor do other devices');
    is(guesses($other, 22, Cookie => $second), '401x20 429x2',
       'is a stranger to other accounts');
    is(guesses($other, 1, Cookie => $_), '429x1', "and so is $_")
        for $second . 'A', substr($second, 0, -1) . 'A',
            'keepers-device=' . 'A' x 54, 'keepers-device=',
            join('; ', map { "keepers-device=$_" } 1 .. 30);
    is(owner(Cookie => "keepers-device=x; $second")->code, 303,
       'is found beside another of its name');
};

# keycloak#46634: a success took back failures that were not its own.
subtest 'success is free, and clears nothing' => sub {
    another();
    is(guesses($owner, 15), '401x15', 'fifteen guesses');
    is(owner()->code, 303, 'the owner comes') for 1 .. 3;
    is(guesses($owner, 7), '401x5 429x2', 'five are left');
};

subtest 'what it costs' => sub {
    my $calls = sub {
        return redis_cli($p->{redis}, qw(info commandstats))
                   =~ /^cmdstat_evalsha:calls=(\d+)/m ? $1 : 0;
    };

    another();
    redis_cli($p->{redis}, 'flushall');
    try_as($owner, $wrong);

    my $before = $calls->();

    try_as($owner, $wrong);
    is($calls->() - $before, 1, 'one round trip for all four rules');
    is(scalar(grep { /:l:signin_/ } split(/\n/, redis_cli($p->{redis},
                                                          '--scan'))), 5,
       'each has its state, by hashes');
};

# mod_auth_openidc 08/12/26: a throttle that could not ask let everybody in.
subtest 'when Redis is away' => sub {
    another();
    guesses($owner, 3);
    kill_hard($p->{redis});
    ok(wait_for { ua()->get("$p->{url}/readyz")->res->code == 503 },
       'it is gone');

    my $all = guesses($owner, 24);

    like($all, qr/^401x1[67] 429x[78]$/, "the account is not open: $all");
    is(guesses('canary-new@example.org', 22), '401x20 429x2',
       'nor is a new one');
};

# Rules of a host's own; on a node of a Redis Cluster they are asked one by one.
sub host_rules {
    my ($redis) = @_;
    my $nginx = start_nginx(<<'END');
    keepers_zone            2m;
    keepers_key_file        %%KEYS%%/edge.keys;
    keepers_writer_key      %%KEYS%%/writer.pub;
    keepers_redis           unix:%%REDIS%%;
    keepers_redis_timeout   2s;
    keepers_limit_rule      soon key=$keepers_account rate=1/s burst=2;
    keepers_limit_rule      late key=$keepers_account rate=1/h burst=4
                            count=failures;

    server {
        listen 127.0.0.1:%%PORT%%;

        location = /signin {
            keepers_signin        /writer;
            keepers_limit         soon;
            keepers_limit         late;
            keepers_limit_status  420;
        }

        location = /writer { internal; proxy_pass http://127.0.0.1:9; }
        location = /status { keepers_status; }
    }
END
    my $status = sub { ua()->get("$nginx->{url}/status")->res->body };
    my $post = sub {
        return ua()->post("$nginx->{url}/signin" => form =>
                          { email => 'canary-t@example.org',
                            password => $wrong })->res->code;
    };

    ok(wait_for { $status->() =~ /^keepers_redis_ready 1$/m },
       'Redis is ready');
    is(join(' ', map { $post->() } 1 .. 3), '503 503 420',
       'a burst, with the status of the host');
    ok(wait_for { $post->() == 503 }, 'then by the clock');
    ok(wait_for { $post->() == 503 }, 'again');
    ok(wait_for {
        $post->() == 420 && $status->() =~
            /^keepers_limit_rule_total\{rule="late",mode="enforce",verdict="limited"\} [1-9]/m
    }, 'until the other rule is used up');

    # a client that leaves while Redis is asked
    my ($port) = $nginx->{url} =~ /(\d+)$/;
    my $client = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
    my $body = 'email=canary-u%40example.org&password=x';

    pause($redis);
    print $client "POST /signin HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                  . "application/x-www-form-urlencoded\r\nContent-Length: "
                  . length($body) . "\r\n\r\n$body";
    shutdown($client, 1);
    ok(wait_for { slurp($nginx->{access_log}) =~ m{POST /signin [^"]+" 499} },
       'who leaves meanwhile is let go');
    resume($redis);
    ok(alive($nginx), 'and leaves nothing behind');
    is($post->(), 420, 'of which others know');
    return;
}


subtest('rules of a host' => sub { host_rules(start_redis()) });

subtest('on a cluster' => sub {
    my ($port, $bus) = (free_port(), free_port());
    my $redis = start_redis(conf => "port $port\nbind 127.0.0.1\n"
                            . "cluster-enabled yes\ncluster-port $bus\n");

    redis_cli($redis, qw(cluster addslotsrange 0 16383));
    ok(wait_for { redis_cli($redis, qw(cluster info)) =~ /state:ok/ },
       'a cluster of one node has all slots');
    host_rules($redis);
});

done_testing();
