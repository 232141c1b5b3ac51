#!/usr/bin/perl

# Copyright (C) Keepers

# What has gone wrong with sessions elsewhere, one row each, with its source;
# those that another file tries are not here again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Mojo::Promise;
use Test::More;


my $p = start_platform(limits => 'off');

my $upstream = start_nginx(<<'END');
    underscores_in_headers on;

    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            return 200 "id=$http_keepers_identity;user=$http_keepers_user;";
        }
    }
END

my $nginx = start_nginx((<<"END" . <<'END') =~ s/UPSTREAM/$upstream->{url}/gr);
    underscores_in_headers  on;
    keepers_zone            2m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout   1s;
    keepers_session_cookie  keepers insecure;
    keepers_session_cache   0;
    keepers_session_idle    3s;
    proxy_cache_path        %%DIR%%/cache keys_zone=cache:1m;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location /page/ {
            keepers_session  required;
            alias            %%DIR%%/html/;
        }

        location /app/ {
            keepers_session  required;
            keepers_csrf     off;
            proxy_pass       UPSTREAM;
        }

        location /open/ {
            proxy_pass  UPSTREAM;
        }

        location /cached/ {
            keepers_session     required;
            proxy_cache         cache;
            proxy_cache_valid   any 1m;
            proxy_cache_bypass  $keepers_user;
            proxy_no_cache      $keepers_user;
            proxy_set_header    Keepers-User $keepers_user;
            proxy_pass          UPSTREAM;
        }

        location = /status {
            keepers_status json;
        }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/index.html", 'MARKER', 0644);


sub cookie {
    my ($ua) = @_;
    my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
                   @{$ua->cookie_jar->all};

    return canary($cookie);
}


sub get {
    my ($path, $cookie, %header) = @_;

    return ua()->get("$nginx->{url}$path" => { Cookie => "keepers=$cookie",
                                               %header })->res;
}


sub keys_in_redis {
    my ($kind) = @_;

    return grep { /\}:$kind/ } split(/\n/, redis_cli($p->{redis}, 'KEYS',
                                                     'keepers:*'));
}


my $session = sign_in($p);
my $cookie = cookie($session);

subtest 'a client leaves while its session is looked up (oauth2-proxy#2503)'
=> sub {
    is(get('/page/', $cookie)->code, 200, 'before');
    pause($p->{redis});

    for (1 .. 10) {
        my $socket = Keepers::Process::listens($nginx->{port});

        $socket->syswrite("GET /page/ HTTP/1.1\r\nHost: x\r\n"
                          . "Cookie: keepers=$cookie\r\n\r\n");
        close($socket);
    }

    resume($p->{redis});
    ok(wait_for { get('/page/', $cookie)->code == 200 },
       'after: it is no sign-out');
    is(scalar(keys_in_redis('s:')), 1, 'and Redis has the session');
};


subtest 'a connection that Redis has closed (oauth2-proxy#1690)' => sub {
    my @codes;

    for (1 .. 20) {
        redis_cli($p->{redis}, qw(CLIENT KILL USER edge));
        push(@codes, get('/page/', $cookie)->code);
    }

    is_deeply([grep { $_ != 200 } @codes], [], 'is not what the next request '
              . 'hears of');
};


subtest 'the id that the browser brought (mod_auth_openidc 08/07/26)' => sub {
    my $chosen = 'v1.' . 'QUFB' x 13 . 'QU';
    my $res;

    # the connections that were closed above are on their way back
    wait_for {
        $res = ua()->post("$p->{url}/signin"
            => { Origin => $p->{url}, Cookie => "keepers=$chosen" },
            form => { email => $p->{owner_email},
                      password => $p->{owner_password} })->res;

        return $res->code != 503;
    };

    my @set = @{$res->headers->every_header('Set-Cookie')};
    my ($new, @more) = map { /^keepers=([^;]+)/ ? $1 : () } @set;

    is($res->code, 303, 'a sign-in');
    is(scalar(@more), 0, 'sets one cookie of a session');
    is(scalar(grep { length($_) > 200 } @set), 0, 'small enough never to be '
       . 'cut, as that of the device (mod_auth_openidc 08/11/26)');
    isnt($new, $chosen, 'of its own');
    is(get('/page/', canary($new))->code, 200, 'which is one');
    is(get('/page/', $chosen)->code, 401, 'what was brought is none');
};


subtest 'several of one user (mod_auth_openidc 08/11/26)' => sub {
    my @ua = map { sign_in($p) } 1 .. 3;
    my @cookies = map { cookie($_) } @ua;
    my ($index) = keys_in_redis('x');
    my $before = redis_cli($p->{redis}, 'ZCARD', $index);

    $ua[0]->post("$p->{url}/signout" => { Origin => $p->{url} });

    is(redis_cli($p->{redis}, 'ZCARD', $index), $before - 1,
       'the old one leaves the index alone');
    is(join(' ', map { get('/page/', $_)->code } @cookies), '401 200 200',
       'the new ones stay');

    redis_cli($p->{redis}, 'ZADD', $index, '9999999999999', 'x' x 43);

    my $res = $ua[1]->get("$p->{url}/api/v1/sessions")->res;

    is($res->code, 200, 'an index that points to nothing');
    ok(!(grep { $_->{id} eq 'x' x 43 } @{decode_json($res->body)->{items}}),
       'shows nothing in its place');
    $res = $ua[1]->delete("$p->{url}/api/v1/sessions"
                          => { Origin => $p->{url} })->res;
    ok($res->code < 300, 'the others are ended') or diag($res->code);
    is(join(' ', map { get('/page/', $_)->code } @cookies), '401 200 401',
       'all but this');
};


# expressjs/session#923, lua-resty-session#57
subtest 'many sign-ins at once' => sub {
    my (@cookies, @codes);
    my @ua = map { ua() } 1 .. 6;

    Mojo::Promise->all(map {
        $_->post_p("$p->{url}/signin" => { Origin => $p->{url} },
            form => { email => $p->{owner_email},
                      password => $p->{owner_password} })->then(sub {
            my ($set) = $_[0]->res->headers->header('Set-Cookie');

            push(@codes, $_[0]->res->code);
            push(@cookies, $set =~ /^keepers=([^;]+)/) if $set;
        })
    } @ua)->wait;

    is("@codes", '303 ' x 5 . '303', 'each is one');
    my %seen = map { canary($_) => 1 } @cookies;
    is(scalar keys %seen, 6, 'with a cookie of its own');
    is(join(' ', map { get('/page/', $_)->code } @cookies), '200 ' x 5 . '200',
       'which Redis knows');
};


# expressjs/session#632, connect-redis#328: every 300 ms the idle time is
# written anew
subtest 'a sign-out while requests run' => sub {
    for my $round (1 .. 3) {
        my $mine = sign_in($p);
        my $cookie = cookie($mine);
        my ($ua, $code, $left) = (ua(), {});
        my $one;

        $one = sub {
            return Mojo::Promise->resolve if defined $left && $left-- <= 0;
            return $ua->get_p("$nginx->{url}/page/" =>
                              { Cookie => "keepers=$cookie" })->then(sub {
                $code->{$_[0]->res->code}++;
            })->then($one);
        };

        my @all = map { $one->() } 1 .. 8;

        push(@all, Mojo::Promise->timer(0.4)->then(sub {
            $mine->post_p("$p->{url}/signout" => { Origin => $p->{url} });
        })->then(sub { $left = 50 }));

        Mojo::Promise->all(@all)->wait;
        is(get('/page/', $cookie)->code, 401, 'is not undone');
        ok($code->{200}, 'requests were under way') or diag(explain($code));
    }
};


# cuttle#1365: a sign-in that was not stored
subtest 'a Redis that is full' => sub {
    my $there = cookie(sign_in($p));

    redis_cli($p->{redis}, qw(CONFIG SET maxmemory 1));

    my $res = ua()->post("$p->{url}/signin" => { Origin => $p->{url} },
        form => { email => $p->{owner_email},
                  password => $p->{owner_password} })->res;

    is($res->code, 503, 'takes no new session');
    ok(!$res->headers->header('Set-Cookie'), 'and none is said to be');
    is(ua()->get("$p->{url}/dashboard/" =>
                 { Cookie => "keepers=$there" })->res->code, 200,
       'those that are there go on');
    redis_cli($p->{redis}, qw(CONFIG SET maxmemory 0));
    ok(wait_for { ua()->post("$p->{url}/signin" => { Origin => $p->{url} },
        form => { email => $p->{owner_email}, password =>
                  $p->{owner_password} })->res->code == 303 }, 'later it is');
};


# oauth2-proxy GHSA-vjrc-mh2v-45x6, mod_auth_openidc 08/07/26
subtest 'headers of ours, in every spelling and method' => sub {
    my $cookie = cookie(sign_in($p));

    for my $name (qw(Keepers-Identity Keepers_Identity keepers_IDENTITY
                     Keepers_User KEEPERS-USER))
    {
        for my $path (qw(/app/ /open/)) {
            for my $method (qw(GET OPTIONS POST DELETE PROPFIND)) {
                my $answer = raw($nginx->{port}, "$method $path HTTP/1.1\r\n"
                    . "Host: x\r\n$name: forged\r\nCookie: keepers=$cookie\r\n"
                    . "Content-Length: 0\r\nConnection: close\r\n\r\n");

                unlike($answer, qr/forged/, "$name, $method $path")
                    or diag($answer);
                like($answer, qr/id=;user=;/, 'it reaches the upstream')
                    if $name eq 'Keepers-Identity';
            }
        }
    }
};


# oauth2-proxy GHSA-5hvv-m4w4-gf6v, GHSA-7x63-xv5r-3p2x
subtest 'no header opens a door' => sub {
    for my $header (['User-Agent' => 'kube-probe/1.29'],
                    ['User-Agent' => 'GoogleHC/1.0'],
                    ['X-Forwarded-Uri' => '/open/'],
                    ['X-Original-Method' => 'OPTIONS'],
                    ['X-Auth-Request-User' => 'owner'],
                    ['Authorization' => "Bearer $cookie"])
    {
        my $res = ua()->get("$nginx->{url}/page/" => { @$header })->res;

        is($res->code, 401, "$header->[0]: not " . substr($header->[1], 0, 15));
        unlike($res->body, qr/MARKER/, 'nothing is shown');
    }
};


# nginx/nginx#824, nginx.org#328: what one has seen is not for the next
subtest 'a cache behind a session' => sub {
    my ($status) = operator($p, "other-password-1\n", qw(account add --business
        Other --email other@example.com --role staff));

    is($status, 0, 'another business');

    my $other = cookie(sign_in($p, 'other@example.com', 'other-password-1'));
    my $mine = cookie(sign_in($p));
    my @seen = map { get('/cached/x', $_)->body } $mine, $other, $mine;

    like($seen[0], qr/user=[0-9a-f-]{36};/, 'mine');
    isnt($seen[1], $seen[0], 'is not theirs');
    is($seen[2], $seen[0], 'and mine again');
};


done_testing();
