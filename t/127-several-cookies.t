#!/usr/bin/perl

# Copyright (C) Keepers

# Whoever can plant a cookie of our name beside the right one (a sibling domain,
# another path, the network of a café) shuts nobody out and gets nobody into
# another account: of several, exactly one has to be a session.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use MIME::Base64 qw(encode_base64url);
use Mojo::JSON qw(decode_json);
use Test::More;


my $p = start_platform(limits => 'off');

my $locations = <<'END';
        location /page/ {
            keepers_session  required;
            try_files        /none @shown;
        }

        location @shown {
            add_header  Csrf $keepers_csrf_token;
            return 200 "$keepers_user $keepers_session [$http_cookie]";
        }

        location = /post {
            keepers_session  required;
            proxy_pass       http://127.0.0.1:%%PORT%%/open;
        }

        location /open {
            return 200 "[$http_cookie]";
        }

        location /stale/ {
            keepers_session        required;
            keepers_session_error  stale=5m;
            try_files              /none @shown;
        }

        location = /one {
            keepers_session  required;
            keepers_limit    one;
            error_page       429 = @again;
            try_files        /none @shown;
        }

        location @again {
            rewrite          ^ /open break;
            keepers_session  required;
            proxy_pass       http://127.0.0.1:%%PORT%%;
        }

        location = /step-up {
            keepers_session  required;
            keepers_step_up  /_keepers/step-up;
        }

        location = /_keepers/step-up {
            internal;
            proxy_pass  http://keepers_writer/v1/step-up;
        }

        location = /signin {
            keepers_page    %%ROOT%%/conf/pages/signin.html;
            keepers_signin  /_keepers/signin;
        }

        location = /_keepers/signin {
            internal;
            proxy_pass  http://keepers_writer/v1/signin;
        }

        location = /signout {
            keepers_session  optional;
            keepers_signout;
        }

        location = /status {
            keepers_status  json;
            access_log      off;
        }
END

# one asks Redis about each cookie of each request, the other its zone
my ($asking, $zone) = map { start_nginx(<<"END") } '0', '20s';
worker_processes 1;

http {
    include                 $p->{dir}/conf/keepers.conf;
    access_log              %%DIR%%/access.log;
    log_format              reason '\$status \$keepers_reason';
    keepers_session_cookie  keepers insecure;
    keepers_session_cache   $_;
    keepers_limit_rule      one key=\$arg_who rate=1/h;

    server {
        listen      127.0.0.1:%%PORT%%;
        access_log  %%DIR%%/reason.log reason;

        $locations
    }
}
END

my @nodes = ([asking => $asking], [zone => $zone]);


# The status and what was shown, of a request with these Cookie lines.
sub answer {
    my ($node, $request, @lines) = @_;

    my $text = raw($node->{port}, join("\r\n", "$request HTTP/1.1", 'Host: x',
                   (map { /^[\w-]+: / ? $_ : "Cookie: $_" } @lines),
                   'Connection: close', '', ''), 20);
    my ($status, $body) = $text =~ /\A\S+ (\d+) .*?\r\n\r\n(.*)\z/s;

    return ($status // 'none', $body // '', $text);
}


sub status_of { return (answer(@_))[0] }


sub reason {
    my ($node) = @_;
    my @lines = split(/\n/, slurp("$node->{dir}/reason.log"));

    return $lines[-1] // '';
}


sub token {
    return canary(map { $_->value } grep { $_->name eq 'keepers' }
                  @{sign_in($p)->cookie_jar->all});
}


# One that has the shape of a token, and the user of $tag.
sub forged {
    my ($tag) = @_;
    my $random = encode_base64url(join('', map { chr(rand(256)) } 1 .. 40));

    return defined($tag) ? substr($tag, 0, 13) . substr($random, 10)
                         : "v1.$random";
}


sub keys_of { return split(/\n/, redis_cli($p->{redis}, 'KEYS', $_[0])) }


# A session, and its key in Redis.
sub session {
    my %before = map { $_ => 1 } keys_of('*:s:*');
    my $token = token();
    my ($key) = grep { !$before{$_} } keys_of('*:s:*');

    return ($token, $key);
}


sub counter {
    my ($node, $name, $label) = @_;
    my $values = decode_json(ua()->get("$node->{url}/status")->res->body)
                 ->{$name};

    return defined($label) ? $values->{$label} : $values;
}


sub opened {
    my ($node) = @_;
    my $values = counter($node, 'keepers_duplicate_cookies_total');

    return join(' ', map { $values->{"opened=$_"} }
                         qw(one none several untried error));
}


# A user's epoch makes everything before it a session of the past.
my ($revoked, $revoked_key) = session();
my ($tag) = $revoked_key =~ /(\{.*\})/;

redis_cli($p->{redis}, 'INCR', "keepers:$tag:e");

my ($gone, $gone_key) = session();

redis_cli($p->{redis}, 'DEL', $gone_key);

# One that is over, and whose key is there.
my $conf = "$p->{dir}/conf/keepers.conf";
my $text = slurp($conf);

spew($conf, "$text\nkeepers_session_absolute 1s;\n"
      . "keepers_session_idle 1s;\n");
reload($p->{nginx});

my ($over, $over_key) = session();

redis_cli($p->{redis}, 'PERSIST', $over_key);
spew($conf, $text);
reload($p->{nginx});

my ($right) = session();
my ($other) = session();
my $ours = "keepers=$right";

ok((wait_for { status_of($zone, 'GET /page/', "keepers=$over") == 401 }),
   'it is over');
is(status_of($asking, 'GET /page/', $ours), 200, 'the right one alone opens');

my ($who) = (answer($asking, 'GET /page/', $ours))[1] =~ /^([\w-]{36}) valid/;

ok($who, 'and says who that is');


subtest 'one that opens' => sub {
    my %twin = (forged => forged(), 'of the same user' => forged($right),
                revoked => $revoked, gone => $gone, over => $over);

    for my $case (@nodes) {
        my ($name, $node) = @$case;

        for my $kind (sort keys %twin) {
            my $twin = "keepers=$twin{$kind}";
            my @all = ([before => "$twin; $ours"], [after => "$ours; $twin"],
                       ['on both sides' => "$twin; $ours; keepers=" . forged()],
                       ['in a line before' => $twin, $ours],
                       ['in a line behind' => $ours, $twin],
                       ['in lines around it' => $twin, $ours, $twin],
                       ['among others' => "a=1; $twin; b=2", "c=3; $ours"]);

            for my $one (@all) {
                my ($where, @lines) = @$one;
                my ($status, $body) = answer($node, 'GET /page/', @lines);

                is($status, 200, "$name: $kind, $where");
                like($body, qr/^$who valid \[[^k]*\]$/,
                     'who it is, and none of them goes on');
            }
        }
    }
};


subtest 'names that are not ours' => sub {
    my @names = qw(Keepers KEEPERS keeperS xkeepers keepers2 keepers-x
                   __Host-keepers __Secure-keepers);
    my $others = join('; ', map { "$_=" . forged() } @names);

    for my $case (@nodes) {
        my ($name, $node) = @$case;
        my $before = opened($node);
        my ($status, $body) = answer($node, 'GET /page/', "$others; $ours");

        is($status, 200, "$name: beside the right one");
        like($body, qr/^$who valid \[\Q$others\E\]$/, 'they go on as they are');
        is(status_of($node, 'GET /page/', join('; ', map { "$_=$right" }
                                                         @names)),
           401, 'and open nothing');
        is(opened($node), $before, 'they are no duplicates');
    }
};


subtest 'none or several' => sub {
    my $forged = 'keepers=' . forged();
    my @none = ([forged => $forged, 'keepers=' . forged()],
                [over => "keepers=$over; $forged"],
                [gone => "keepers=$gone; keepers=$over"],
                [revoked => "keepers=$revoked", "keepers=$gone"]);
    my @several = ([two => "$ours; keepers=$other"],
                   ['the same twice' => "$ours; $ours"],
                   ['in two lines' => "keepers=$other", $ours],
                   ['beside a forged one' => "$ours; $forged; keepers=$other"]);

    for my $case (@nodes) {
        my ($name, $node) = @$case;
        my @was = split(/ /, opened($node));

        for my $one (@none, @several) {
            my ($kind, @lines) = @$one;
            my ($status, $body, $all) = answer($node, 'GET /page/', @lines);

            is($status, 401, "$name: $kind");
            unlike($all, qr/^Set-Cookie/mi, 'no cookie is taken away');
        }

        my @is = split(/ /, opened($node));

        is(join(' ', map { $is[$_] - $was[$_] } 0 .. $#is), '0 4 4 0 0',
           'and they are told apart');
        ok((wait_for { reason($node) eq '401 duplicate_cookie' }),
           'in the log too');
    }
};


subtest 'more than are looked up' => sub {
    my @three = map { 'keepers=' . forged() } 1 .. 3;
    my $asked = sub {
        my ($n) = redis_cli($p->{redis}, 'INFO', 'commandstats')
                  =~ /^cmdstat_mget:calls=(\d+)/m;

        return $n;
    };
    my $was = $asked->();

    is(status_of($asking, 'GET /page/', join('; ', @three, $ours)), 401,
       'the right one behind three');
    is(status_of($asking, 'GET /page/', $ours, @three), 401, 'before them');
    ok((wait_for { reason($asking) eq '401 duplicate_cookie' }),
       'for that reason');
    is($asked->() - $was, 0, 'Redis is not asked');
    is((split(/ /, opened($asking)))[3], 2, 'they are counted');
    is(status_of($asking, 'GET /page/', join('; ', map({ "keepers=junk$_" }
                 1 .. 20), $ours, map({ "keepers=v1.$_" } 1 .. 20))), 200,
       'what has not the shape of one is none');
};


subtest 'they are asked about in one write' => sub {
    my @was = map { counter($asking, "keepers_redis_${_}_total") }
                  qw(commands writes);

    is(status_of($asking, 'GET /page/', map({ 'keepers=' . forged() } 1, 2),
                 $ours), 200, 'three of them') for 1 .. 10;

    my @is = map { counter($asking, "keepers_redis_${_}_total") }
                 qw(commands writes);

    cmp_ok($is[0] - $was[0], '>=', 30, 'a command each');
    cmp_ok($is[1] - $was[1], '<=', 20, 'but not a write');
};


subtest 'what changes something' => sub {
    my $forged = 'keepers=' . forged();

    for my $case (@nodes) {
        my ($name, $node) = @$case;
        my ($csrf) = (answer($node, 'GET /page/', $forged, $ours))[2]
                     =~ /^Csrf: (\S+)\r$/m;
        my ($theirs) = (answer($node, 'GET /page/', "keepers=$other"))[2]
                       =~ /^Csrf: (\S+)\r$/m;

        is(status_of($node, 'POST /post', "$forged; $ours",
                     "X-CSRF-Token: $csrf"), 200, "$name: with its token");
        is(status_of($node, 'POST /post', "$ours; $forged",
                     "X-CSRF-Token: $theirs"), 403, 'with that of another');
        is(status_of($node, 'POST /post', "$ours; $forged",
                     'Origin: http://evil.example'), 403, 'from elsewhere');
        is(status_of($node, 'POST /post', "$ours; keepers=$other",
                     'Origin: http://x'), 401, 'under two');
    }
};


subtest 'a use is noted' => sub {
    my ($token, $key) = session();

    redis_cli($p->{redis}, 'PEXPIRE', $key, 100_000);
    is(status_of($zone, 'GET /page/', 'keepers=' . forged(),
                 "keepers=$token"), 200, 'of the right one');
    ok((wait_for { redis_cli($p->{redis}, 'PTTL', $key) > 100_000 }),
       'its life is renewed');
};


subtest 'a proof' => sub {
    my ($token) = session();
    my $forged = 'keepers=' . forged();
    my $res = ua()->post("$asking->{url}/step-up"
        => { Cookie => "$forged; keepers=$token",
             'Sec-Fetch-Site' => 'same-origin' }
        => json => { password => $p->{owner_password} })->res;
    my ($new) = map { /^keepers=(v1\.[\w-]{54});/ }
                @{$res->headers->every_header('Set-Cookie')};

    ok($new, 'the right one is replaced') or return;
    canary($new);
    is(status_of($asking, 'GET /page/', $forged, "keepers=$new"), 200,
       'by what opens beside the forged one');
    is(status_of($asking, 'GET /page/', $forged, "keepers=$token"), 200,
       'the old one reads for some seconds');
    is(status_of($asking, 'POST /post', $forged, "keepers=$token",
                 'Origin: http://x'), 409, 'and changes nothing');
    is(status_of($asking, 'GET /page/', "keepers=$token; keepers=$new"), 401,
       'both are two');
};


subtest 'signing out' => sub {
    my ($token, $key) = session();
    my ($theirs, $their_key) = session();
    my $both = "keepers=$token; keepers=$theirs";
    my ($status, undef, $all) = answer($zone, 'POST /signout', $both,
                                       'Origin: http://x');

    is($status, 409, 'of two sessions neither ends');
    unlike($all, qr/^(?:Set-Cookie|Clear-Site-Data)/mi,
           'and the browser is not told that one has');
    is(redis_cli($p->{redis}, 'EXISTS', $key, $their_key), 2, 'both are there');

    is(status_of($zone, 'POST /signout', ('keepers=' . forged()) x 4,
                 'Origin: http://x'), 409, 'nor of too many to look');

    ($status, undef, $all) = answer($zone, 'POST /signout', "keepers=$token",
                                    'keepers=' . forged(), 'Origin: http://x');
    is($status, 303, 'the right one ends beside a forged one');
    like($all, qr/^Set-Cookie: keepers=; Path=\/; Max-Age=0;/m, 'as ever');
    is(redis_cli($p->{redis}, 'EXISTS', $key), 0, 'in Redis');
    is(status_of($zone, 'GET /page/', "keepers=$token"), 401, 'and here');
    is(status_of($zone, 'GET /page/', $both), 200, 'the other is now the one');
};


subtest 'signing in again' => sub {
    my ($token, $key) = session();
    my ($theirs, $their_key) = session();
    my $both = "keepers=$token; keepers=$theirs";
    my $res = ua()->post("$zone->{url}/signin"
        => { Cookie => $both, Origin => $zone->{url} }
        => form => { email => $p->{owner_email},
                     password => $p->{owner_password} })->res;
    my ($new) = map { /^keepers=(v1\.[\w-]{54});/ }
                @{$res->headers->every_header('Set-Cookie')};

    ok($new, 'whom two sessions keep out gets in') or return;
    canary($new);

    # the answer does not wait for their end
    ok((wait_for {
            redis_cli($p->{redis}, 'EXISTS', $key, $their_key) == 0
        }), 'these end');
    is(status_of($asking, 'GET /page/', "$both; keepers=$new"), 200,
       'so it opens past whatever else the browser sends');
};


# What its first look was waiting for is asked for again in the error page.
subtest 'a limit that refuses meanwhile' => sub {
    my @lines = ('keepers=' . forged(), $ours);

    is(status_of($asking, 'GET /one?who=a', @lines), 200, 'the first passes');

    for my $i (1 .. 5) {
        status_of($asking, "GET /one?who=k$i", @lines);
        is(join(' ', (answer($asking, "GET /one?who=k$i", @lines))[0, 1]),
           '200 []', 'the second has the error page');
    }
};


subtest 'while Redis does not answer' => sub {
    my $forged = 'keepers=' . forged();

    is(status_of($_->[1], 'GET /page/', $ours), 200, "$_->[0] knows one")
        for @nodes;
    kill_hard($p->{redis});

    for my $case (@nodes) {
        my ($name, $node) = @$case;

        ok((wait_for { status_of($node, 'GET /page/', $ours) == 503 }),
           "$name cannot say");
        is(status_of($node, 'GET /stale/', "$ours; keepers=junk"), 200,
           'but for a while, of one alone');
    }

    for my $case (@nodes) {
        my ($name, $node) = @$case;
        my $was = (split(/ /, opened($node)))[4];

        for my $path (qw(/page/ /stale/)) {
            for my $lines ([$forged, $ours], [$ours, $forged]) {
                my ($status, undef, $all) = answer($node, "GET $path", @$lines);

                is($status, 503, "$name, $path: nor beside one that may be one");
                unlike($all, qr/^Set-Cookie/mi, 'nobody is logged out');
            }
        }

        cmp_ok((split(/ /, opened($node)))[4] - $was, '==', 4, 'it is counted');
    }
};


done_testing();
