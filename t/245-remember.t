#!/usr/bin/perl

# Copyright (C) Keepers

# Who asks to stay signed in still is when the browser was closed, for weeks
# and no longer, and with one factor.  A token that was replaced and comes back
# from another network and another browser ends what has replaced it, and
# nobody who is merely late is signed out.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Test;
use Keepers::Totp;
use Mojo::JSON qw(decode_json false true);
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep time);


my $p = start_platform(limits => 'off');

my $common = <<"END";
    include                 $p->{dir}/conf/keepers.conf;
    keepers_session_cookie  keepers insecure;
    keepers_session_max     50;
END

my $locations = <<'END';
        set_real_ip_from  127.0.0.1;
        real_ip_header    X-Client;

        location /page/ {
            keepers_session  required;
            add_header       Aal $keepers_aal;
            alias            %%DIR%%/html/;
        }

        location /strong/ {
            keepers_session  required aal=2;
            add_header       Aal $keepers_aal;
            alias            %%DIR%%/html/;
        }

        location /slow/ {
            keepers_session  required;
            alias            %%DIR%%/html/;
            limit_rate       20k;
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

        location = /password {
            keepers_session   required;
            keepers_password  /_keepers/password;
        }

        location = /_keepers/password {
            internal;
            proxy_pass  http://keepers_writer/v1/password;
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

my $short_life = 'keepers_session_idle 2s; keepers_session_absolute 4s; ';

# Nodes with the same keys.  The second would believe its zone for 20 s; the
# third makes sessions whose weeks are seconds; the last makes none that stay.
my ($nginx, $node, $short, $off) = map { start_nginx(<<"END") }
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
    'keepers_session_remember 30d;',
    'keepers_session_remember 30d; keepers_session_cache 20s;',
    $short_life . 'keepers_session_remember 9s;',
    '';

for my $one ($nginx, $node, $short, $off) {
    mkdir("$one->{dir}/html");
    spew("$one->{dir}/html/page", 'MARKER', 0644);
    spew("$one->{dir}/html/big", 'x' x 2_000_000, 0644);
}


my %owner = (email => $p->{owner_email}, password => $p->{owner_password});

# Two people, by where they are and what they hold in their hands.
my %chrome = ('User-Agent' => 'Mozilla/5.0 (X11; Linux x86_64) '
              . 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 '
              . 'Safari/537.36');
my %firefox = ('User-Agent' => 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) '
               . 'Gecko/20100101 Firefox/145.0');
my %home = ('X-Client' => '198.51.100.7');
my %away = ('X-Client' => '203.0.113.9');
my %mine = (%chrome, %home);
my %thief = (%firefox, %away);


sub kept {
    our $ua //= ua()->max_connections(128)->inactivity_timeout(120)
                    ->request_timeout(120);

    $ua->cookie_jar->ignore(sub { 1 });
    return $ua;
}


sub ask_p {
    my ($token, $path, %header) = @_;
    my $on = delete($header{on}) // $nginx;

    return kept()->get_p("$on->{url}$path"
                         => { Cookie => "keepers=$token", %mine, %header });
}


sub ask {
    my ($res);

    ask_p(@_)->then(sub { $res = $_[0]->res })->wait;
    return $res;
}


sub signin {
    my ($on, $field, %header) = @_;

    return ua()->post("$on->{url}/signin"
        => { Origin => $on->{url}, %mine, %header }
        => form => { %owner, %$field })->res;
}


sub cookie_of {
    my ($res) = @_;

    return (grep { /^keepers=/ }
            @{$res->headers->every_header('Set-Cookie')})[0] // '';
}


sub token_of { return cookie_of($_[0]) =~ /^keepers=(v1\.[\w-]{54});/ ? $1 : undef }


sub age_of { return cookie_of($_[0]) =~ /; Max-Age=(\d+)/ ? $1 : undef }


sub token {
    return canary(token_of(signin(@_)) // die("no sign-in\n"));
}


sub step_up_p {
    my ($token, $field, %header) = @_;
    my $on = delete($header{on}) // $nginx;

    return kept()->post_p("$on->{url}/step-up"
        => { Cookie => "keepers=$token", 'Sec-Fetch-Site' => 'same-origin',
             %mine, %header } => json => $field);
}


sub step_up {
    my $res;

    step_up_p(@_)->then(sub { $res = $_[0]->res })->wait;
    return $res;
}


# The old and the new token of a session that is replaced now.
sub replaced {
    my ($field, %header) = @_;
    my $old = token($nginx, $field // {});
    my $new = token_of(step_up($old, { password => $owner{password} },
                               %header));

    return ($old, canary($new // die("no step-up\n")));
}


sub list { return decode_json(ask($_[0], '/sessions', on => $_[1])->body)->{items} }


sub current { return (grep { $_->{current} } @{list(@_)})[0] }


sub thefts {
    my $n = 0;

    $n += decode_json(ua()->get("$_->{url}/status")->res->body)
          ->{keepers_sessions_ended_total}{'reason=theft'}
        for $nginx, $node;
    return $n;
}


sub notes { return scalar(logs(qr/a token that it has replaced/)) }


sub session_keys {
    return split(/\n/, redis_cli($p->{redis}, 'KEYS', 'keepers:{*}:s:*'));
}


# Everywhere: often enough that each worker of both nodes is asked.
sub codes {
    my ($token, %header) = @_;
    my %seen;

    Mojo::Promise->all(map {
        my $on = $_;

        map {
            ask_p($token, '/page/page', on => $on, %header, Connection => 'close')
                ->then(sub { $seen{$_[0]->res->code}++ })
        } 1 .. 12;
    } $nginx, $node)->wait;

    return join(' ', sort keys %seen);
}


# What browsers do: a cookie without a lifetime ends with them.
sub browser_restarts {
    my ($ua) = @_;
    my @stay = grep { defined($_->expires) } @{$ua->cookie_jar->all};

    $ua->cookie_jar->empty;
    $ua->cookie_jar->add(@stay);
    return;
}


sub browser {
    my ($on, $field) = @_;
    my $ua = ua()->max_redirects(0)->max_connections(16);
    my $res = $ua->post("$on->{url}/signin" => { Origin => $on->{url}, %mine }
                        => form => { %owner, %$field })->res;

    $res->code == 303 or die("no sign-in\n");
    canary(token_of($res));
    return $ua;
}


subtest 'the box' => sub {
    my $box = ua()->get("$nginx->{url}/signin")->res->dom
                  ->at('input[type=checkbox][name=remember][value="1"]');

    ok($box, 'is on the page');
    is($box->attr('checked'), undef, 'and is not ticked');
    like(ua()->get("$nginx->{url}/signin")->res->body, qr/For 30 days,/,
         'it says for how long');
    like(ua()->get("$short->{url}/signin")->res->body, qr/For 9 seconds,/,
         '... whatever that is');
    like(signin($nginx, { password => 'wrong' })->body, qr/name="remember"/,
         'it is there again after a mistake');
    unlike(ua()->get("$off->{url}/signin")->res->body, qr/remember/,
           'where it is off there is none');
};

subtest 'the cookie' => sub {
    my $json = sub {
        my ($value) = @_;

        return ua()->post("$nginx->{url}/signin" => { %mine }
            => json => { %owner, remember => $value })->res;
    };

    is(age_of(signin($nginx, { remember => 1 })), 30 * 86400, 'stays: a form');
    is(age_of($json->(true)), 30 * 86400, '... JSON');
    is(age_of(signin($nginx, {})), undef, 'who does not ask has one that ends');
    is(age_of(signin($nginx, { remember => $_ })), undef, "nor by \"$_\"")
        for '', '0', 'true', 'on', '11';
    is(age_of($json->($_)), undef, 'nor by another value of JSON')
        for false, undef, 1, [], { remember => true };

    my $res = signin($off, { remember => 1 });

    is($res->code, 303, 'where it is off the field is ignored');
    is(age_of($res), undef, 'and the cookie ends');
    is(current(token_of($res))->{remembered}, false, 'so does the session');
    is(signin($nginx, { remember => [1, 1] })->code, 400,
       'twice is once too often');
};

# Spring Security #3079: two windows that a browser reopens are signed out.
subtest 'a browser is closed and opened' => sub {
    my $ordinary = browser($nginx, {});
    my $stays = browser($nginx, { remember => 1 });
    my $before = session_keys();

    is($_->get("$nginx->{url}/page/page" => { %mine })->res->code, 200, 'before')
        for $ordinary, $stays;
    browser_restarts($_) for $ordinary, $stays;
    is($ordinary->get("$nginx->{url}/page/page" => { %mine })->res->code, 401,
       'afterwards one signs in again');

    my (%seen, $set);

    Mojo::Promise->all(map {
        my $on = $_ % 2 ? $nginx : $node;

        map {
            $stays->get_p("$on->{url}/$_/page" => { %mine })->then(sub {
                $seen{$_[0]->res->code}++;
                $set++ if cookie_of($_[0]->res);
            })
        } 'page', 'page';
    } 1 .. 6)->wait;

    is(join(' ', map { "$_:$seen{$_}" } sort keys %seen), '200:12',
       'the other has six tabs, and none is signed out');
    is($set, undef, 'none needs a new cookie');
    is(scalar(session_keys()), $before, 'nor a new session');

    my $wifi = $stays->get("$nginx->{url}/page/page" => { %mine, %away })->res;

    is($wifi->code, 200, 'another network is where phones are');
};

subtest 'how long it lives' => sub {
    my $ordinary = token($short, {});
    my $stays = token($short, { remember => 1 });
    my $busy = token($short, { remember => 1 });
    my $t0 = time();
    my $last = $t0;
    my $here = current($stays, $short);

    is($here->{remembered}, true, 'the list says that it stays');
    is($here->{seen}, $here->{created}, 'and when it was used');

    while (time() - $t0 < 12) {
        last if ask($busy, '/page/page', on => $short)->code != 200;
        $last = time();

        if ($last - $t0 > 5 && $ordinary) {
            is(ask($ordinary, '/page/page', on => $short)->code, 401,
               'an ordinary one has idled out');
            $ordinary = undef;
            is(ask($stays, '/page/page', on => $short)->code, 200,
               'this one has not, though nothing was asked');
        }

        sleep(0.1);
    }

    cmp_ok($last - $t0, '>', 8, 'it is there until its time is over');
    cmp_ok($last - $t0, '<', 9.5, 'and no longer');
    is(ask($stays, '/page/page', on => $short)->code, 401, '... used or not');

    my $other = token($short, {});

    is(scalar(grep { $_->{id} eq $here->{id} } @{list($other, $short)}), 0,
       'it is in no list');
    is(ask($busy, '/page/page', on => $nginx)->code, 401, 'nor on another node');
};

# Who steals, steals now; who is late, is late for a minute.
my %theft;
my $stolen_at;

subtest 'tokens are replaced' => sub {
    my ($grace_old, $grace_new) = replaced();

    is(ask($grace_old, '/page/page', %thief)->code, 200,
       'for seconds the old one reads, from wherever');
    is(ask($grace_old, '/page/page', %mine, %away)->code, 200,
       'a phone leaves the Wi-Fi');
    is(codes($grace_new), '200', 'and nobody is signed out');

    $theft{$_} = [replaced({ remember => 1 }), token($nginx, {})]
        for qw(stolen many net agent same lost);
    $theft{chain} = [replaced()];
    push(@{$theft{chain}}, canary(token_of(
        step_up($theft{chain}[1], { password => $owner{password} }))));
    $theft{second} = [replaced({}, %thief)];
    $theft{soon} = [replaced()];
    $theft{signed_out} = [replaced()];
    $stolen_at = time();

    my ($key) = grep { redis_cli($p->{redis}, 'STRLEN', $_) > 116 }
                session_keys();
    my $left = redis_cli($p->{redis}, 'PTTL', $key);

    cmp_ok($left, '>', 3_500_000, 'the old record stays');
    cmp_ok($left, '<=', 3_610_000, 'for an hour');
    $theft{early} = [$grace_old, $grace_new];
};

# Its message is lost, its record is not: it must not run on for an hour.
subtest 'what runs when nobody heard of it' => sub {
    my $known = join(' ', session_keys());
    my $old = token($nginx, {});
    my ($key) = grep { index($known, $_) < 0 } session_keys();
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $nginx->{port}) or die;
    my ($got, $t0) = (0, time());

    print $socket "GET /slow/big HTTP/1.0\r\nCookie: keepers=$old\r\n\r\n";
    sleep(1);
    redis_cli($p->{redis}, 'SET', $key, 'x' x 148, 'PX', 3_600_100);

    $got += length while sysread($socket, $_, 65536);

    cmp_ok($got, '<', 1_900_000, 'is cut');
    cmp_ok(time() - $t0, '<', 15, 'when its grace is over, and soon');
};

# halo#10014, VilnaCRM#474: who was late was taken for a thief, or made a second
# chain.
subtest 'a hundred requests around a rotation' => sub {
    my $old = token($nginx, { remember => 1 });
    my $expires = current($old)->{created};
    my (%read, %up, @set);
    my $read = sub {
        my ($on, %header) = @_;

        return ask_p($old, '/page/page', on => $on, %header)
            ->then(sub { $read{$_[0]->res->code}++ });
    };
    my $up = sub {
        return step_up_p($old, { password => $owner{password} }, on => $_[0])
            ->then(sub {
                $up{$_[0]->res->code}++;
                push(@set, $_[0]->res) if token_of($_[0]->res);
            });
    };

    Mojo::Promise->all(map {
        ($read->($nginx), $read->($node, %away), $read->($nginx, %thief),
         $up->($_ % 2 ? $nginx : $node), $read->($node), $read->($nginx))
    } 1 .. 20)->wait;

    is(join(' ', map { "$_:$read{$_}" } sort keys %read), '200:100',
       'all are served');
    is(scalar(@set), 1, 'there is one successor');
    is($up{204}, 1, 'and one who made it');

    my $new = canary(token_of($set[0]));
    my $age = age_of($set[0]);

    is(codes($new), '200', 'it is good everywhere');
    cmp_ok($age, '<=', 30 * 86400, 'its cookie stays');
    cmp_ok($age, '>', 30 * 86400 - 120, 'as long as its session');
    is(current($new)->{remembered}, true, 'which is remembered still');
    is(current($new)->{created}, $expires, 'and not longer than it was');
};

subtest 'what ends it' => sub {
    my $one = token($nginx, { remember => 1 });
    my $out = ua()->post("$nginx->{url}/signout"
        => { Cookie => "keepers=$one", 'Sec-Fetch-Site' => 'same-origin' })
        ->res;

    like(cookie_of($out), qr/; Max-Age=0/, 'a sign-out takes the cookie');
    ok(wait_for { codes($one) eq '401' }, 'and ends the session');

    my $two = token($nginx, { remember => 1 });
    my $id = current($two)->{id};
    my $three = token($nginx, {});

    ua()->delete("$node->{url}/sessions/$id"
        => { Cookie => "keepers=$three", 'Sec-Fetch-Site' => 'same-origin' });
    ok(wait_for { codes($two) eq '401' }, 'so does its entry in the list');
};

# A request that hung somewhere comes late, but not by a minute.
subtest 'half a minute later' => sub {
    my $wait = $stolen_at + 15 - time();
    my ($old, $new) = @{$theft{soon}};

    sleep($wait) if $wait > 0;

    my $code = ask($old, '/page/page', %thief)->code;

    plan(skip_all => 'this machine is too busy') if time() > $stolen_at + 50;

    is($code, 401, 'the old one is over');
    is(codes($new), '200', 'and that is all');
    is(thefts(), 0, 'nothing was stolen');
};

subtest 'a minute later' => sub {
    my $wait = $stolen_at + 62 - time();

    sleep($wait) if $wait > 0;

    is(thefts(), 0, 'until now nothing was stolen');
    is(notes(), 0, 'nor noted');

    my ($old, $new, $other) = @{$theft{stolen}};

    is(codes($new), '200', 'known to all workers');
    is(ask($old, '/page/page', %thief)->code, 401, 'who comes with the old one');
    ok(wait_for { codes($new) eq '401' }, 'ends the new one, on every worker');
    is(codes($other), '200', 'but no other session of that person');
    is(thefts(), 1, 'it is counted');
    is(notes(), 1, 'and noted, in one line');
    unlike((logs(qr/a token that it has replaced/))[0],
           qr/$owner{email}|198\.51|203\.0|client:|request:/,
           'which names nobody');
    is(codes($old, %thief), '401', 'again');
    is(thefts(), 1, '... is nothing new');

    for my $way ([net => %away], [agent => %firefox], ['same']) {
        my ($name, %header) = @$way;
        my ($late, $now) = @{$theft{$name}};

        is(codes($late, %header), '401', "$name: the old one is over");
        is(codes($now), '200', 'and that is all');
    }

    ($old, $new) = @{$theft{early}};
    is(codes($new), '200', 'who read in the grace');
    is(thefts(), 1, '... was nobody');
};

subtest 'who has it' => sub {
    my ($first, $second, $third) = @{$theft{chain}};

    is(ask($first, '/page/page', %thief)->code, 401, 'replaced twice');
    ok(wait_for { codes($third) eq '401' }, 'the last of them ends');
    is(ask($second, '/page/page', %thief)->code, 401, 'and that between');
    is(thefts(), 2, '... once');

    my ($mine, $theirs) = @{$theft{second}};

    is(codes($theirs, %thief), '200', 'a thief who knows the password, too');
    is(ask($mine, '/page/page')->code, 401, 'is found out by the other');
    ok(wait_for { codes($theirs, %thief) eq '401' }, 'and is out');
    is(thefts(), 3, '... counted');
};

subtest 'many at once' => sub {
    my ($old, $new) = @{$theft{many}};

    is(codes($old, %thief), '401', 'all are refused');
    ok(wait_for { codes($new) eq '401' }, 'the session ends');
    cmp_ok(thefts(), '<=', 5, 'for one theft, on each node that saw it');
    cmp_ok(thefts(), '>=', 4, '... at least on one');
};

subtest 'what is not known is no theft' => sub {
    my ($old, $new) = @{$theft{lost}};
    my ($before, $noted) = (thefts(), notes());
    my @old = grep { redis_cli($p->{redis}, 'STRLEN', $_) > 116 }
              session_keys();

    ($new) = @{$theft{signed_out}}[1];
    ua()->post("$nginx->{url}/signout" => { Cookie => "keepers=$new",
               'Sec-Fetch-Site' => 'same-origin' });
    is(codes($theft{signed_out}[0], %thief), '401', 'of what was signed out');

    redis_cli($p->{redis}, 'DEL', @old);
    is(codes($old, %thief), '401', 'a record that Redis has lost');
    is(codes($theft{lost}[1]), '200', 'is no error, and ends nothing');
    is(thefts(), $before, 'nothing is counted');
    is(notes(), $noted, 'nothing noted');
};

my $secret;

subtest 'a second factor' => sub {
    my $api = sub {
        my ($token, $path, @json) = @_;

        return ua()->post("$p->{url}/api/v1/factors/totp$path"
            => { Cookie => "keepers=$token", 'Sec-Fetch-Site' => 'same-origin' },
            @json)->res;
    };
    my $setup = token($nginx, {});
    $secret = canary($api->($setup, '')->json->{secret});

    totp_calm(12);
    is($api->($setup, '/confirm', json => { code => totp($secret, -1) })->code,
       200, 'is set up');

    my $ordinary = token($nginx, { code => totp($secret) });

    is(ask($ordinary, '/strong/page')->code, 200, 'an ordinary sign-in has it');
    codes_are_new();

    my $stays = token($short, { code => totp($secret, -1), remember => 1 });
    my $res = ask($stays, '/page/page', on => $short);

    is($res->headers->header('Aal'), 1, 'a remembered one has not');
    is(ask($stays, '/strong/page', on => $short)->code, 401,
       'and does not open what wants it');

    my $up = step_up($stays, { code => totp($secret) }, on => $short);
    my $t0 = time();
    my $strong = canary(token_of($up) // '-');

    is($up->code, 204, 'it proves one');
    cmp_ok(age_of($up), '<=', 9, 'and stays, no longer than it would have');
    is(ask($strong, '/strong/page', on => $short)->headers->header('Aal'), 2,
       'then it opens');
    is(ask($stays, '/strong/page', on => $short)->code, 401,
       'the one before does not');

    my $last = $t0;

    while (time() - $t0 < 6) {
        last if ask($strong, '/strong/page', on => $short)->code != 200;
        $last = time();
        sleep(0.05);
    }

    cmp_ok($last - $t0, '>', 1.5, 'as long as an ordinary session idles');
    cmp_ok($last - $t0, '<', 2.3, '... from the proof, used or not');
    $res = ask($strong, '/page/page', on => $short);
    is($res->code, 200, 'who is signed in stays signed in');
    is($res->headers->header('Aal'), 1, 'with one factor');
};

subtest 'another password' => sub {
    codes_are_new();

    my ($stays, $asks) = map {
        token($nginx, { remember => 1, code => totp($secret, $_) })
    } -1, 0;
    my $res = ua()->post("$nginx->{url}/password"
        => { Cookie => "keepers=$asks", 'Sec-Fetch-Site' => 'same-origin',
             %mine } => json => { current => $owner{password},
                                  new => 'cathedral-otter-marzipan-61' })->res;

    is($res->code, 204, 'is set');
    is(codes($_), '401', 'it ends what stays, as any') for $stays, $asks;

    my $token = token_of($res);

    is(codes($token), '200', 'who set it goes on');
    is(age_of($res), undef, 'until the browser ends');
    is(current($token)->{remembered}, false, 'as with an ordinary sign-in');
};

done_testing();


# As if the half minutes had gone by.
sub codes_are_new {
    stop($p->{writer});
    sql($p, 'UPDATE factors SET last_step = 0');
    restart($p->{writer});
    wait_for { ua()->get("$p->{url}/readyz")->res->code == 200 };
    totp_calm(12);
    return;
}
