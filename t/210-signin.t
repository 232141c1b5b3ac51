#!/usr/bin/perl

# Copyright (C) Keepers

# Signing in gives one session and one cookie; everything else gives the same
# generic answer.  Signing out ends the session everywhere at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Test::More;


my $p = start_platform(limits => 'off');
my $password = canary('canary-password-7Qx');


sub post {
    my ($form, %header) = @_;

    return ua()->post("$p->{url}/signin" => { Origin => $p->{url}, %header }
                      => form => $form)->res;
}


sub session_of {
    my ($ua) = @_;

    return (map { $_->value } grep { $_->name eq 'keepers' }
            @{$ua->cookie_jar->all})[0];
}


my %owner = (email => $p->{owner_email}, password => $p->{owner_password});

# mod_auth_openidc 08/11/26: of a session in several cookies one was missed at a
# multiple of their size; so it is one, and small.
subtest 'the right password' => sub {
    my $res = post(\%owner);
    my ($device, @cookies) = sort { $b =~ /-device/ <=> $a =~ /-device/ }
                             @{$res->headers->every_header('Set-Cookie')};

    is($res->code, 303, 'leads on');
    is($res->headers->location, '/dashboard/', 'to the dashboard');
    like($device, qr/^keepers-device=/, 'with one cookie for the device');
    is(scalar @cookies, 1, 'and one');
    like($cookies[0], qr/^keepers=v1\.[\w-]{54}; Path=\/;/, 'of a token');
    like($cookies[0], qr/; HttpOnly/, 'that scripts cannot see');
    like($cookies[0], qr/; SameSite=Lax/, 'nor other sites send');
    ok(length($cookies[0]) <= 200, 'and is small');
    is($res->headers->header('Cache-Control'), 'no-store', 'not stored');
    is($res->body, '', 'without a body');
};

# oauth2-proxy GHSA-qqxw-m5fj-f7gv, GHSA-j7px-6hwj-hpjg, GHSA-5m6c-jp6f-2vcv,
# GHSA-4mf2-f3wh-gvf2: spellings of another site.
subtest 'the way back' => sub {
    my $res = ua()->get("$p->{url}/dashboard/x?y=1"
                        => { 'Sec-Fetch-Mode' => 'navigate' })->res;
    my $url = Mojo::URL->new($res->headers->location);
    my $page = ua()->get("$p->{url}$url")->res;
    my $next = $page->dom->at('input[name=next]')->attr('value');

    is($next, $url->query->param('next'), 'stands in the form');
    is(post({ %owner, next => $next })->headers->location, '/dashboard/x?y=1',
       'and is gone');

    for my $evil ('/dashboard/x', '//evil.example', 'https://evil.example',
                  "$next.evil", substr($next, 0, 22) . './/evil.example',
                  '/\\evil.example', "\t//evil.example")
    {
        is(post({ %owner, next => $evil })->headers->location, '/dashboard/',
           "not to $evil");
    }

    my $forged = ua()->get("$p->{url}/signin?next=%22%3E%3Cb%3E")->res;
    is($forged->dom->at('input[name=next]')->attr('value') // '', '',
       'what we did not sign is not shown');
};

subtest 'everything else is one answer' => sub {
    my $wrong = post({ %owner, password => $password });
    my %case = (
        unknown => { email => 'canary-nobody@example.org',
                     password => $password },
        case    => { %owner, password => uc($owner{password}) . 'x' },
        empty   => { email => '', password => '' },
        long    => { %owner, password => 'x' x 257 },
        nothing => { email => $owner{email} },
    );

    is($wrong->code, 401, 'a wrong password');
    ok(!$wrong->headers->header('Set-Cookie'), 'sets no cookie');
    unlike($wrong->body, qr/\Q$password\E/, 'and does not come back');

    for my $name (sort keys %case) {
        my $res = post($case{$name});

        is($res->code, 401, "$name");
        is($res->body, $wrong->body, "$name is answered with the same bytes");
    }

    my $json = ua()->post("$p->{url}/signin" => json =>
                          { email => 'a@b.example', password => 'x' })->res;
    is($json->code, 401, 'JSON is answered in kind');
    is(decode_json($json->body)->{code}, 'credentials', 'with a code');
};

# mod_auth_openidc 08/12/26: of a parameter that came twice the last one won.
subtest 'bad requests' => sub {
    is(post({ %owner }, 'Sec-Fetch-Site' => 'cross-site')->code, 403,
       'from another site');
    is(post({ %owner }, Origin => 'http://evil.example')->code, 403,
       'from another origin');

    my $ua = ua();
    is($ua->post("$p->{url}/signin" => { 'Content-Type' =>
       'application/x-www-form-urlencoded' } => 'email=a&email=b&password=c')
       ->res->code, 400, 'a field twice');
    is($ua->post("$p->{url}/signin" => { 'Content-Type' =>
       'application/x-www-form-urlencoded' } => 'email=%zz')->res->code, 400,
       'a broken form');
    is($ua->post("$p->{url}/signin" => { 'Content-Type' => 'text/plain' }
       => 'x')->res->code, 415, 'another type');
    is($ua->post("$p->{url}/signin" => { 'Content-Type' =>
       'application/x-www-form-urlencoded' } => 'email=' . 'x' x 20000)
       ->res->code, 413, 'too much');
    is($ua->put("$p->{url}/signin")->res->code, 405, 'another method');
};

subtest 'time says nothing' => sub {
    my %time;

    for (1 .. 4) {
        for my $case (['known', $owner{email}],
                      ['unknown', 'canary-nobody@example.org'])
        {
            my $start = Time::HiRes::time();

            post({ email => $case->[1], password => $password });
            push(@{$time{$case->[0]}}, Time::HiRes::time() - $start);
        }
    }

    my ($known, $unknown) = map { (sort { $a <=> $b } @{$time{$_}})[1] }
                            qw(known unknown);
    my $ratio = $known / $unknown;

    ok($ratio > 0.5 && $ratio < 2,
       sprintf('known and unknown take as long: %.2f', $ratio));
};

subtest 'sign-in ends the session that came with it' => sub {
    my $ua = sign_in($p);
    my $old = session_of($ua);

    $ua->post("$p->{url}/signin" => { Origin => $p->{url} } => form => \%owner);
    isnt(session_of($ua), $old, 'a new token');
    is($ua->get("$p->{url}/api/v1/summary")->res->code, 200, 'is good');
    is(ua()->get("$p->{url}/api/v1/summary"
                 => { Cookie => "keepers=$old" })->res->code, 401,
       'the old one is not');
};

subtest 'sign-out' => sub {
    my $ua = sign_in($p);
    my $token = session_of($ua);
    my $code = sub {
        return ua()->get("$p->{url}/api/v1/summary"
                         => { Cookie => "keepers=$token" })->res->code;
    };

    is($ua->get("$p->{url}/signout")->res->code, 405, 'a GET does nothing');
    is($code->(), 200, 'indeed');

    my $res = $ua->post("$p->{url}/signout"
                        => { Origin => 'http://evil.example' })->res;
    is($res->code, 403, 'nor does another site');
    is($code->(), 200, 'indeed');

    $code->() for 1 .. 20;      # in every worker's sight

    $res = $ua->post("$p->{url}/signout" => { Origin => $p->{url} })->res;
    is($res->code, 303, 'a POST does');
    like($res->headers->header('Set-Cookie'), qr/^keepers=; .*Max-Age=0/,
         'the cookie goes');
    is(scalar(grep { $code->() != 401 } 1 .. 40), 0,
       'and no worker knows the session');
    is(ua()->post("$p->{url}/signout")->res->code, 303,
       'without a session it is no fault');
};

subtest 'my sessions' => sub {
    my @ua = map { sign_in($p) } 1 .. 3;
    my $url = "$p->{url}/api/v1/sessions";
    my $list = sub { decode_json($_[0]->get($url)->res->body)->{items} };

    my $items = $list->($ua[0]);
    ok(@$items >= 3, 'are listed');
    is(scalar(grep { $_->{current} } @$items), 1, 'one of them is this');
    like($items->[0]{created}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/,
         'to the minute');
    like($items->[0]{network}, qr{^127\.0\.0\.0/24$}, 'coarsely');
    ok(exists $items->[0]{seen} && exists $items->[0]{agent}, 'with signs');
    is(scalar(grep { !/^[\w-]{22}$/ } map { $_->{id} } @$items), 0,
       'by ids that open nothing');

    my ($id) = map { $_->{id} } grep { $_->{current} } @{$list->($ua[1])};
    my %ours = (Origin => $p->{url});

    is($ua[0]->delete("$url/$id" => \%ours)->res->code, 204, 'one is ended');
    is($ua[1]->get($url)->res->code, 401, 'and gone');
    is($ua[0]->delete("$url/$id" => \%ours)->res->code, 404, 'once');
    is($ua[0]->delete("$url/" . 'A' x 22 => \%ours)->res->code, 404,
       'another is unknown');

    operator($p, "canary-long-password\n", 'account', 'add', '--business',
             'Elsewhere', '--email', 'canary-else@example.org', '--role',
             'owner');

    my $stranger = sign_in($p, 'canary-else@example.org',
                           'canary-long-password');
    my ($foreign) = map { $_->{id} } @{$list->($stranger)};

    is($ua[0]->delete("$url/$foreign" => \%ours)->res->code, 404,
       'and so is that of somebody else');
    is($stranger->get($url)->res->code, 200, 'who stays signed in');
    is($ua[0]->delete($url => \%ours)->res->code, 204, 'the others are ended');
    is($ua[2]->get($url)->res->code, 401, 'and gone');
    is($ua[0]->get($url)->res->code, 200, 'this one stays');
    is(scalar @{$list->($ua[0])}, 1, 'alone');

    # one that has idled out is in the index alone, until somebody looks
    sign_in($p);

    my ($x) = grep { redis_cli($p->{redis}, 'ZCARD', $_) == 2 }
              split(/\n/, redis_cli($p->{redis}, 'KEYS', 'keepers:*:x'));
    my $newest = redis_cli($p->{redis}, 'ZRANGE', $x, -1, -1);

    is(redis_cli($p->{redis}, 'DEL', ($x =~ s/x\z//r) . "s:$newest"), 1,
       'one more idles out');
    is(scalar @{$list->($ua[0])}, 1, 'and is not shown');
    is(redis_cli($p->{redis}, 'ZCARD', $x), 1, 'nor is it counted any more');
};

subtest 'a cap on sessions' => sub {
    my @ua = map { sign_in($p) } 1 .. 22;
    my @known = grep { $_->get("$p->{url}/api/v1/summary")->res->code == 200 }
                @ua;

    is(scalar @known, 20, 'twenty live');
    is($ua[-1]->get("$p->{url}/api/v1/summary")->res->code, 200,
       'the newest among them');
};

# As every host has it, but for the demo, which speaks plain HTTP.
subtest 'the cookie of a host' => sub {
    my $host = start_nginx(<<"END");
    include  $p->{dir}/conf/keepers.conf;

    server {
        listen 127.0.0.1:%%PORT%%;

        location = /signin {
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
    }
END
    my $all = sub {
        my $res = ua()->post("$host->{url}/$_[0]" => form => {
            email => $owner{email}, password => $owner{password} })->res;

        return join("\n", grep { /^[^=]*keepers=/ }
                               @{$res->headers->every_header('Set-Cookie')});
    };

    my $cookie = $all->('signin');

    like($cookie, qr/^__Host-keepers=v1\.[\w-]{54}; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
         'is for it alone, and never sent in the clear');
    cmp_ok(length($cookie), '<=', 200, 'is small');
    is($all->('signout'),
       '__Host-keepers=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax',
       'and goes in the same way');
};

is(scalar(logs(qr/\Q$owner{email}\E|\Q$owner{password}\E/)), 0,
   'no log names the owner');

done_testing();
