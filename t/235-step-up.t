#!/usr/bin/perl

# Copyright (C) Keepers

# What asks for a second factor, or for a proof of just now, gets it: a page
# for a person, a code for a program.  The proof makes a new session in the
# place of the old, whose token then reads for ten seconds more and does
# nothing else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Test;
use Keepers::Totp;
use Mojo::JSON qw(decode_json);
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep time);


my $p = start_platform(limits => 'off');

my $common = <<"END";
    include                 $p->{dir}/conf/keepers.conf;
    keepers_session_cookie  keepers insecure;
END

my $locations = <<'END';
        location /page/ {
            keepers_session  required;
            alias            %%DIR%%/html/;
        }

        location /strong/ {
            keepers_session      required aal=2;
            keepers_signin_url   /signin;
            keepers_step_up_url  /step-up;
            alias                %%DIR%%/html/;
        }

        location /fresh/ {
            keepers_session      required fresh=3s;
            keepers_step_up_url  /step-up;
            alias                %%DIR%%/html/;
        }

        location /both/ {
            keepers_session  required aal=2 fresh=15m;
            alias            %%DIR%%/html/;
        }

        location /any/ {
            satisfy              any;
            deny                 all;
            keepers_session      required aal=2;
            keepers_step_up_url  /step-up;
            alias                %%DIR%%/html/;
        }

        location /optional/ {
            keepers_session  optional;
            alias            %%DIR%%/html/;
        }

        location /slow/ {
            keepers_session  required;
            alias            %%DIR%%/html/;
            limit_rate       20k;
        }

        location = /step-up {
            keepers_session     required;
            keepers_signin_url  /signin;
            keepers_page        %%ROOT%%/conf/pages/step-up.html;
            keepers_step_up     /_keepers/step-up;
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

        location /sessions {
            keepers_session  required;
            keepers_sessions;
        }

        location = /status {
            keepers_status  json;
        }
END

# two nodes with the same keys; the second would believe its zone for 20 s
my ($nginx, $node) = map { start_nginx(<<"END") } '', 'keepers_session_cache 20s;';
worker_processes 2;

http {
    access_log  %%DIR%%/access.log;

    $common
    $_

    server {
        listen 127.0.0.1:%%PORT%%;

        $locations
    }
}
END

for my $one ($nginx, $node) {
    mkdir("$one->{dir}/html");
    spew("$one->{dir}/html/page", 'MARKER', 0644);
    spew("$one->{dir}/html/big", 'x' x 2_000_000, 0644);
}


my $secret;
my %owner = (email => $p->{owner_email}, password => $p->{owner_password});


sub ask {
    my ($token, $path, %header) = @_;
    my $on = delete($header{on}) // $nginx;

    return ua()->get("$on->{url}$path"
                     => { Cookie => "keepers=$token", %header })->res;
}


sub step_up_p {
    my ($token, %field) = @_;
    my $on = delete($field{on}) // $nginx;

    return ua_kept()->post_p("$on->{url}/step-up"
        => { Cookie => "keepers=$token", 'Sec-Fetch-Site' => 'same-origin' }
        => json => \%field);
}


# For many at once: thirty password hashes take their time.
sub ua_kept {
    our $ua //= ua()->max_connections(128)->inactivity_timeout(120)
                    ->request_timeout(120);

    $ua->cookie_jar->ignore(sub { 1 });
    return $ua;
}


sub step_up {
    my ($token, %field) = @_;
    my $res;

    step_up_p($token, %field)->then(sub { $res = $_[0]->res })->wait;
    return $res;
}


sub token_of {
    my ($res) = @_;

    return (map { /^keepers=(v1\.[\w-]{54});/ }
            @{$res->headers->every_header('Set-Cookie')})[0];
}


sub token {
    my (%field) = @_;
    my $token = token_of(ua()->post("$nginx->{url}/signin"
        => { Origin => $nginx->{url} } => form => { %owner, %field })->res);

    return canary($token // die("no sign-in\n"));
}


sub code {
    my ($res) = @_;

    return ($res->json // {})->{code} // 'none: ' . $res->code;
}


sub counter {
    my ($result) = @_;

    return decode_json(ua()->get("$nginx->{url}/status")->res->body)
           ->{keepers_rotations_total}{"result=$result"};
}


# Sets it up as the dashboard does, by the platform's own locations.
sub api {
    my ($token, $path, $json) = @_;

    return ua()->post("$p->{url}/api/v1/factors/totp$path"
        => { Cookie => "keepers=$token", 'Sec-Fetch-Site' => 'same-origin' }
        => defined($json) ? (json => $json) : ())->res;
}


sub ready { return ua()->get("$p->{url}/readyz")->res->code == 200 }


# As if the half minutes had gone by.
sub codes_are_new {
    stop($p->{writer});
    sql($p, 'UPDATE factors SET last_step = 0');
    restart($p->{writer});
    wait_for { ready() };
    totp_calm(12);
    return;
}


subtest 'what is asked for' => sub {
    my $token = token();
    my $res = ask($token, '/strong/page', 'Sec-Fetch-Mode' => 'navigate');

    is($res->code, 303, 'a person is led on');
    like($res->headers->location, qr{^/step-up\?next=[\w-]{22}\.%2Fstrong},
         'to a page, with a signed way back');

    $res = ask($token, '/strong/page', Accept => 'application/json');
    is($res->code, 401, 'a program is told');
    is(code($res), 'step_up', 'what');
    is($res->headers->www_authenticate,
       'Session error="insufficient_user_authentication", acr_values="aal2"',
       'and what for');
    is(ask($token, '/both/page', 'Sec-Fetch-Mode' => 'navigate')->headers
           ->www_authenticate, 'Session error="insufficient_user_authentication'
       . '", acr_values="aal2", max_age="900"', 'so is a person without a page');
    is(ask($token, '/any/page', 'Sec-Fetch-Mode' => 'navigate')->code, 401,
       '"satisfy any" is not cut short');
    unlike(ask($token, $_)->body, qr/MARKER/, "$_ shows nothing")
        for qw(/strong/page /both/page /any/page);
    is(ask($token, '/fresh/page')->code, 200, 'a sign-in of just now is fresh');
    sleep(3.2);
    is(code(ask($token, '/fresh/page')), 'step_up', 'and then no more');
    is(ask($token, '/page/page')->code, 200, 'the session is as good as it was');
};

subtest 'with the password' => sub {
    my $old = token();
    my $before = decode_json(ask($old, '/sessions')->body)->{items};
    my $page = ask($old, '/fresh/page', 'Sec-Fetch-Mode' => 'navigate');

    is($page->code, 200, 'it is not asked before it must');
    sleep(3.2);
    $page = ask($old, '/fresh/page?x=1', 'Sec-Fetch-Mode' => 'navigate');

    my $form = ask($old, $page->headers->location)->dom;
    my %form = (next => $form->at('[name=next]')->attr('value'));
    my $post = sub {
        return ua()->post("$nginx->{url}/step-up"
            => { Cookie => "keepers=$old", Origin => $nginx->{url} }
            => form => { %form, @_ })->res;
    };
    my $wrong = $post->(password => "$owner{password}.");

    is($wrong->code, 401, 'a wrong one');
    like($wrong->dom->at('[role=alert]')->all_text, qr/does not fit/, 'again');
    is($wrong->dom->at('[name=next]')->attr('value'), $form{next},
       'the way back stays');
    ok(!token_of($wrong), 'and no token comes');
    is($post->()->code, 401, 'nothing is nothing');
    is(ask($old, '/page/page')->code, 200, 'the session is as it was');

    my $right = $post->(password => $owner{password});

    is($right->code, 303, 'the right one');
    is($right->headers->location, '/fresh/page?x=1', 'leads back');

    my $new = canary(token_of($right));

    isnt($new, $old, 'with a new token');
    is(substr($new, 3, 10), substr($old, 3, 10), 'of the same user');
    is(ask($new, '/fresh/page')->code, 200, 'that is fresh');
    is(ask($new, '/strong/page')->code, 401, 'and no stronger');

    my $after = decode_json(ask($new, '/sessions')->body)->{items};

    is(scalar(@$after), scalar(@$before), 'one stands for the other');
    is(scalar(grep { $_->{current} } @$after), 1, 'and is the one that asks');
};

subtest 'the old token' => sub {
    my $old = token();

    is(ask($old, '/page/page', on => $node)->code, 200, 'known to all nodes');

    my %before = map { $_ => counter($_) } qw(rotated grace refused);
    my $new = canary(token_of(step_up($old, password => $owner{password})));
    my $t0 = time();

    is(ask($old, '/page/page')->code, 200, 'still reads');

    for my $method (qw(POST PUT DELETE PATCH)) {
        for my $path (qw(/page/page /optional/page /sessions /step-up)) {
            my $res = ua()->start(ua()->build_tx($method
                => "$nginx->{url}$path" => { Cookie => "keepers=$old",
                   'Sec-Fetch-Site' => 'same-origin' }))->res;

            is($res->code, 409, "no $method $path");
        }
    }

    is(counter('rotated'), $before{rotated} + 1, 'counted is one rotation');
    is(counter('grace'), $before{grace} + 17, '... each use of the old token');
    is(counter('refused'), $before{refused} + 16, '... and each abuse');
    is(code(step_up($old, password => $owner{password})), 'rotated',
       'it makes no sibling');

    my $other = sub {
        return ua()->delete("$node->{url}/sessions/x"
            => { Cookie => "keepers=$old", 'Sec-Fetch-Site' => 'same-origin' })
            ->res->code;
    };

    ok(wait_for { $other->() == 409 },
       'nor on the other node, whatever its zone says');
    is(ask($old, '/page/page', on => $node)->code, 200, 'where it reads too');
    is(scalar(@{decode_json(ask($new, '/sessions')->body)->{items}}),
       scalar(grep { !/:[ex]$/ } split(/\n/, redis_cli($p->{redis}, 'KEYS',
              'keepers:{*}:s:*'))) - grace_keys(), 'it is in no list');

    # asked all the time, and yet not renewed
    my $last = $t0;

    while (time() - $t0 < 12) {
        last if ask($old, '/page/page')->code != 200;
        $last = time();
        sleep(0.2);
    }

    cmp_ok($last - $t0, '>', 8, 'it reads for ten seconds');
    cmp_ok($last - $t0, '<', 10.5, 'and no longer');
    is(ask($old, '/page/page')->code, 401, 'then it is nothing');
    is(ask($old, '/page/page', on => $node)->code, 401, 'anywhere');
    is(ask($new, '/page/page')->code, 200, 'the new one goes on');
};

subtest 'what ends the new one ends the old' => sub {
    my %way = (
        signout => sub { ua()->post("$nginx->{url}/signout" => $_[0])->res },
        all => sub { ua()->delete("$nginx->{url}/sessions/all" => $_[0])->res },
        removed => sub { redis_cli($p->{redis}, 'DEL', $_) for $_[1]->() },
    );

    for my $name (sort keys %way) {
        my $old = token();
        my $known = join(' ', session_keys());
        my $new = canary(token_of(step_up($old,
                                          password => $owner{password})));
        my $mine = sub { grep { index($known, $_) < 0 } session_keys() };

        is(ask($old, '/page/page')->code, 200, "before $name");
        $way{$name}->({ Cookie => "keepers=$new",
                        'Sec-Fetch-Site' => 'same-origin' }, $mine);
        is(ask($old, '/page/page')->code, 401, "not after $name");
        is(ask($old, '/page/page', on => $node)->code, 401, 'nor elsewhere');
    }

    my $old = token();
    my $new = canary(token_of(step_up($old, password => $owner{password})));
    my $out = ua()->post("$nginx->{url}/signout" => { Cookie => "keepers=$old",
                         'Sec-Fetch-Site' => 'same-origin' })->res;

    my $gone = sub { return ask($new, '/page/page')->code };

    is($out->code, 303, 'who signs out with the old one');
    ok(wait_for { $gone->() == 401 }, 'means both');
    is(ask($old, '/page/page')->code, 401, '... both');
};

subtest 'all at once' => sub {
    my $old = token();
    my (%read, %up, @tokens);
    my $sessions = session_keys();
    my $read = sub {
        return ua_kept()->get_p("$_[0]{url}/page/page"
            => { Cookie => "keepers=$old" })
            ->then(sub { $read{$_[0]->res->code}++ });
    };
    my $up = sub {
        return step_up_p($old, password => $owner{password}, on => $_[0])
            ->then(sub {
                my $res = $_[0]->res;
                my $token = token_of($res);

                $up{$res->code}++;
                push(@tokens, $token) if $token;
            });
    };

    Mojo::Promise->all(map {
        ($read->($nginx), $read->($node), $read->($nginx),
         $up->($_ % 2 ? $nginx : $node), $read->($node), $read->($nginx))
    } 1 .. 20)->wait;

    is(join(' ', map { "$_:$read{$_}" } sort keys %read), '200:100',
       'a hundred requests are served');
    is(scalar(@tokens), 1, 'and one of twenty step-ups has a successor');
    is($up{204}, 1, 'the others are told');
    is(ask($tokens[0], '/page/page')->code, 200, 'it is good');
};

# Requests of a worker share a question to Redis; each asks for the successor.
subtest 'many with the old token' => sub {
    my $old = token();
    my $new = canary(token_of(step_up($old, password => $owner{password})));
    my $many = sub {
        my %seen;

        Mojo::Promise->all(map {
            ua_kept()->get_p("$nginx->{url}/page/page"
                => { Cookie => "keepers=$old" })
                ->then(sub { $seen{$_[0]->res->code}++ })
        } 1 .. 60)->wait;

        return join(' ', map { "$_:$seen{$_}" } sort keys %seen);
    };

    is($many->(), '200:60', 'all read');
    ua()->post("$nginx->{url}/signout" => { Cookie => "keepers=$new",
               'Sec-Fetch-Site' => 'same-origin' });
    is($many->(), '401:60', 'and none once the new one has ended');
};

subtest 'what is running' => sub {
    my $old = token();
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $nginx->{port}) or die;
    my $got = 0;

    print $socket "GET /slow/big HTTP/1.0\r\nCookie: keepers=$old\r\n\r\n";
    sleep(1);
    step_up($old, password => $owner{password});

    my $t0 = time();

    $got += length while sysread($socket, $_, 65536);

    my $s = time() - $t0;

    cmp_ok($got, '<', 1_900_000, 'is cut');
    cmp_ok($s, '>', 8, 'not before the grace is over');
    cmp_ok($s, '<', 12, 'and then soon');
};

subtest 'with a code' => sub {
    my $token = token();
    my $res = api($token, '');

    is($res->code, 201, 'a factor is set up');
    $secret = canary($res->json->{secret});
    totp_calm(12);
    is(api($token, '/confirm', { code => totp($secret, -1) })->code, 200,
       'and confirmed');
    is(code(api($token, '/codes')), 'step_up',
       'what decides who comes in wants it');
    is(code(api($token, '/remove')), 'step_up', '... all of it');

    is(step_up($token, password => $owner{password})->code, 401,
       'the password is not enough now');
    is(step_up($token, code => wrong_code($secret))->code, 401,
       'nor a wrong code');

    my $up = step_up($token, code => totp($secret));
    my $new = canary(token_of($up));

    is($up->code, 204, 'the right one');
    is(ask($new, "/$_/page")->code, 200, "opens $_") for qw(strong both any);
    is(ask($token, '/strong/page')->code, 401,
       'the old token is no stronger than it was');
    is(step_up($new, code => totp($secret))->code, 401, 'it is good once');

    my $strong = token(code => totp($secret, 1));

    is(ask($strong, '/strong/page')->code, 200, 'so does a sign-in with one');
    is(api($strong, '/codes')->code, 200, 'which may make recovery codes');
};

# (A hundred, at the writer: 230.)
subtest 'thirty with one code' => sub {
    codes_are_new();

    my $code = totp($secret);
    my ($n, %status) = (0);

    Mojo::Promise->all(map {
        ua_kept()->post_p("$nginx->{url}/signin"
            => { Origin => $nginx->{url} }
            => form => { %owner, code => $code })
            ->then(sub { $status{$_[0]->res->code}++;
                         $n++ if token_of($_[0]->res) })
    } 1 .. 30)->wait;

    is($n, 1, 'one is signed in');
    is($status{303}, 1, '... and led on');
    ok(!grep({ !/^(?:303|401|503)$/ } keys %status), 'the others are not');
};

subtest 'nothing is half' => sub {
    codes_are_new();

    my $token = token(code => totp($secret));

    sql_check();
    stop($p->{writer});
    is(step_up($token, code => totp($secret, 1))->code, 503, 'no writer');
    is(ask($token, '/page/page')->code, 200, 'the session is as it was');
    restart($p->{writer});
    wait_for { ready() };

    # the user of the edge may do all but put the new one in its place
    redis_cli($p->{redis}, 'ACL', 'SETUSER', 'edge', '-zrem');

    my $keys = join(' ', session_keys());
    my $res = step_up($token, code => totp($secret, 1));

    redis_cli($p->{redis}, 'ACL', 'SETUSER', 'edge', '+zrem');
    is($res->code, 503, 'Redis refuses');
    ok(!token_of($res), 'no token');
    is(ask($token, '/page/page')->code, 200, 'it reads');
    is(ua()->delete("$nginx->{url}/sessions/" . 'x' x 22
           => { Cookie => "keepers=$token", 'Sec-Fetch-Site' => 'same-origin' })
           ->res->code, 404, 'and may do all that it could');

    # and away
    kill_hard($p->{redis});
    is(ask($token, '/page/page', on => $node)->code, 503,
       'without Redis nobody is told to sign in')
        if ask($token, '/page/page', on => $node)->code != 200;
    is(step_up($token, password => $owner{password})->code, 503, 'no Redis');
};

# On a platform of its own, with the shipped limits.
subtest 'who guesses at a code' => sub {
    my $limited = start_platform();
    my $ua = sign_in($limited);
    my $guess = sub {
        return $ua->post("$limited->{url}/step-up"
            => { Origin => $limited->{url} } => json => { $_[0] => $_[1] })->res;
    };
    my @codes = map { $guess->(code => sprintf('%06d', $_))->code } 1 .. 14;

    like("@codes", qr/^(?:401 ){1,10}(?:429 ?){4,}$/, "soon waits: @codes");
    is($guess->(password => $limited->{owner_password})->code, 429,
       'with what is right too');
    is($ua->get("$limited->{url}/api/v1/summary")->res->code, 200,
       'and is signed in as before');
};

done_testing();


sub session_keys {
    return sort(split(/\n/, redis_cli($p->{redis}, 'KEYS',
                                      'keepers:{*}:s:*')));
}


# Records of sessions that have a successor are longer than others.
sub grace_keys {
    return scalar(grep { redis_cli($p->{redis}, 'STRLEN', $_) > 116 }
                  session_keys());
}


sub sql_check {
    is(sql($p, 'SELECT count(*) FROM factors WHERE confirmed_ms > 0'), 1,
       'there is a factor');
    return;
}
