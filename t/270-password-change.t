#!/usr/bin/perl

# Copyright (C) Keepers

# Who is signed in and knows the password may have another: all sessions end,
# and theirs goes on as a new one, for good; whatever of it fails, nobody is
# left with a session that the old password has opened.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Test;
use Keepers::Totp;
use Mojo::Promise;
use Test::More;


our $p = start_platform(limits => 'off');
our $url = "$p->{url}/api/v1/password";
my ($old, $new) = ($p->{owner_password}, canary('canary-crema-8Wd'));
our %ours = (Origin => $p->{url});

canary($old);


sub change {
    my ($ua, $current, $fresh, %header) = @_;

    return $ua->post($url => { %ours, %header }
                     => json => { current => $current, new => $fresh })->res;
}


sub signed_in {
    my ($ua) = @_;

    return $ua->get("$p->{url}/api/v1/summary")->res->code == 200;
}


sub cookies { return @{$_[0]->headers->every_header('Set-Cookie')} }

sub owner { return sign_in($p, $p->{owner_email}, $_[0]) }


sub ended { my ($ua) = @_; return wait_for { !signed_in($ua) } 3 }


subtest 'who may not' => sub {
    my $ua = owner($old);

    is(change(ua(), $old, $new)->code, 401, 'without a session');
    is($ua->get($url)->res->code, 405, 'by a GET');
    is(change($ua, $old, $new, Origin => 'http://evil.example')->code, 403,
       'from another site');
    is($ua->post($url => \%ours => 'x')->res->code, 415, 'as another type');
    is($ua->post($url => { %ours, 'Content-Type' => 'application/json' }
                 => '{"current":"x"')->res->code, 400, 'as half a body');
    is($ua->post($url => \%ours => json => { current => 'x' })->res->code, 400,
       'without a new one');
    is($ua->post($url => { %ours, 'Content-Type' =>
       'application/x-www-form-urlencoded' } => 'new=a&new=b&current=c')
       ->res->json->{code}, 'duplicate_field', 'with two');
    is($ua->post($url => \%ours => json => { current => 'x', new => 'y' x 20000 })
       ->res->code, 413, 'with too much');

    my $res = change($ua, 'wrong-but-long', $new);

    is($res->code, 403, 'with a wrong one');
    is($res->json->{code}, 'password', 'says so');
    ok(!cookies($res), 'without a cookie');
    ok(signed_in($ua), 'stays signed in');
    is(change($ua, 'wrong-but-long', 'short')->json->{code}, 'password',
       'and learns nothing of the rules');
};

subtest 'what may not' => sub {
    my $ua = owner($old);
    my %fault = (short => 'too_short', Sunshine2026 => 'common',
                 $p->{owner_email} => 'named', 'Corner Coffee!' => 'named',
                 $old => 'same');

    for my $password (sort keys %fault) {
        my $res = change($ua, $old, $password);

        is($res->code, 422, "a new one that is $fault{$password}");
        is_deeply($res->json->{errors}, [{ field => 'new',
                                           code => $fault{$password} }],
                  'as the code says');
        unlike($res->body, qr/"\Q$password\E"/, 'and does not come back');
    }

    is($ua->post($url => \%ours => json => { current => $old,
                                             new => 'y' x 257 })->res->code,
       400, 'or more than a password is');
    ok(signed_in($ua), 'nobody is signed out by it');
};

subtest 'a new one' => sub {
    my ($ua, $phone) = (owner($old), owner($old));
    my ($before) = map { $_->value } grep { $_->name eq 'keepers' }
                   @{$ua->cookie_jar->all};
    my $res = change($ua, $old, $new);

    is($res->code, 204, 'is set');
    is(scalar(cookies($res)), 1, 'with one cookie');
    like((cookies($res))[0], qr/^keepers=v1\.[\w-]{54}; Path=\/;.* HttpOnly/,
         'of a session');
    unlike((cookies($res))[0], qr/\Q$before\E/, 'that is new');
    is($res->headers->header('Cache-Control'), 'no-store', 'not stored');
    ok(signed_in($ua), 'the caller goes on');
    ok(ended($phone), 'all others are out');

    my $thief = ua();

    is($thief->get("$p->{url}/api/v1/summary" => { Cookie => "keepers=$before" })
       ->res->code, 401, 'so is the old session of the caller');

    # an order of the writer that is followed twice would show by now
    my $marks = sub { redis_cli($p->{redis}, 'GET', 'keepers:ends:mark') };
    my $mark = $marks->();

    ok($mark, 'the order was followed');
    ok(signed_in($ua), 'the caller still goes on');
    is(sql($p, 'SELECT count(*) FROM ends'), 1, 'it was one');

    is(ua()->post("$p->{url}/signin" => \%ours => form =>
                  { email => $p->{owner_email}, password => $old })->res->code,
       401, 'the old password is none');
    ok(signed_in(owner($new)), 'the new one is');

    my ($entry) = grep { $_->{what} eq 'account.password' }
                  @{$ua->get("$p->{url}/api/v1/audit")->res->json->{items}};

    ok($entry, 'the business sees it in its log');
    isnt($entry->{who}, 'operator', 'and by whom');
    ($old, $new) = ($new, canary('canary-ristretto-3Kf'));
};

subtest 'two at once' => sub {
    my @ua = map { owner($old) } 1, 2;
    my @new = map { canary("canary-lungo-$_-9Xz") } 1, 2;
    my %codes;

    Mojo::Promise->all(map {
        my $i = $_;

        $ua[$i]->post_p($url => \%ours => json => { current => $old,
                                                   new => $new[$i] })
               ->then(sub { $codes{$i} = $_[0]->res->code });
    } 0, 1)->wait;

    my @won = grep { $codes{$_} == 204 } 0, 1;

    is(scalar @won, 1, 'one is first: ' . join(' ', values %codes));
    like($codes{1 - $won[0]}, qr/^(?:409|403|401)$/, 'the other is told');
    $old = $new[$won[0]];
    ok(signed_in(owner($old)), 'what the first was told holds');
};

# Who has a session and the password, and no phone, must not switch it off.
subtest 'with a second factor' => sub {
    my $ua = owner($old);
    my $post = sub {
        my ($path, $json) = @_;

        return $ua->post("$p->{url}$path" => \%ours
                         => $json ? (json => $json) : ())->res;
    };
    my $secret = canary($post->('/api/v1/factors/totp')->json->{secret});

    totp_calm(12);
    is($post->('/api/v1/factors/totp/confirm',
               { code => totp($secret, -1) })->code, 200, 'that is set up');
    is($post->('/step-up', { code => totp($secret) })->code, 204, 'and proved');
    is($post->('/api/v1/factors/totp/codes')->code, 200,
       'opens what asks for it');

    my $new = canary('canary-cortado-4Hs');

    is(change($ua, $old, $new)->code, 204, 'a new password');
    $old = $new;
    ok(signed_in($ua), 'goes on');

    my $res = $post->('/api/v1/factors/totp/remove');

    is($res->code, 401, 'but with one factor');
    is($res->json->{code}, 'step_up', 'until a code is given');
    is($post->('/step-up', { code => totp($secret, 1) })->code, 204, '... which');
    is($post->('/api/v1/factors/totp/remove')->code, 204, '... switches it off');
};

# On a platform of its own, with the shipped limits.
subtest 'a guess at a machine that was left alone' => sub {
    local $p = start_platform();
    local $url = "$p->{url}/api/v1/password";
    local %ours = (Origin => $p->{url});

    my $old = canary($p->{owner_password});
    my $ua = owner($old);
    my @codes = map { change($ua, "wrong-$_-long", $new)->code } 1 .. 14;

    like("@codes", qr/^(?:403 ){1,10}(?:429 ?){4,}$/, "ends soon: @codes");
    is(change($ua, $old, $new)->code, 429, 'for a right one too');
    ok(signed_in($ua), 'and signs nobody out');
};

subtest 'what fails' => sub {
    my ($ua, $phone) = map { owner($old) } 1, 2;

    # the writer may not speak to Redis, the edge may
    redis_cli($p->{redis}, qw(ACL SETUSER writer clearselectors));

    my $new = canary('canary-macchiato-5Tg');
    my $res = change($ua, $old, $new);

    is($res->code, 204, 'a change whose order Redis does not take is one');
    ok(!cookies($res), 'without a session that it would end later');
    # who leaves while the order is waited for
    my ($port) = $p->{url} =~ /(\d+)$/;
    my ($token) = map { $_->value } grep { $_->name eq 'keepers' }
                  @{$ua->cookie_jar->all};
    my $last = canary('canary-affogato-7Lm');
    my $body = qq({"current":"$new","new":"$last"});
    my $order = sql($p, 'SELECT max(at_ms) FROM ends');
    my $client = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;

    print $client "POST /api/v1/password HTTP/1.1\r\nHost: 127.0.0.1:$port\r\n"
                  . "Origin: $p->{url}\r\nCookie: keepers=$token\r\n"
                  . "Content-Type: application/json\r\nContent-Length: "
                  . length($body) . "\r\n\r\n$body";
    ok(wait_for { sql($p, 'SELECT max(at_ms) FROM ends') > $order },
       'another one');
    close($client);
    ok(wait_for { slurp($p->{access_log}) =~ m{ 499 POST /api/v1/password } },
       'whose caller leaves');
    $new = $last;

    redis_cli($p->{redis}, qw(ACL SETUSER writer),
              '(~keepers:{*}:e -@all +incr)', '(%R~keepers:{*}:x -@all +zrange)');
    ok((wait_for { !signed_in($ua) && !signed_in($phone) } 10),
       'which ends all once Redis takes it');
    $ua = owner($new);
    ok(signed_in($ua), 'the new password opens another');

    stop($p->{writer});
    $res = change($ua, $new, canary('canary-doppio-2Vb'));
    is($res->code, 503, 'without the writer there is no change');
    is($res->json->{code}, 'busy', 'which is said');
    restart($p->{writer});
    ok(wait_for { ua()->get("$p->{url}/readyz")->res->code == 200 }, 'it is back');
    ok(signed_in(owner($new)), 'with the same password');

    $ua = owner($new);
    kill_hard($p->{redis});
    ok(wait_for { change($ua, $new, 'canary-doppio-2Vb')->code == 503 },
       'nor without Redis, which knows who asks');
    allow_log(qr/connect\(\) to unix/);
};

done_testing();
