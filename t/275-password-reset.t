#!/usr/bin/perl

# Copyright (C) Keepers

# Who has forgotten a password sets another one by a link in a mail: once,
# within half an hour, and whoever asks learns nothing of who has an account.
# All sessions end, nobody is signed in by it, a second factor stays what it
# is, and no log ever has the token.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Mail;
use Keepers::Test;
use Keepers::Totp;
use List::Util qw(sum);
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(time);


our $p = start_platform(limits => 'off');
our %ours = (Origin => $p->{url});
my ($email, $password) = ($p->{owner_email}, canary($p->{owner_password}));
my $sent = 0;


sub forgot {
    my ($address, %header) = @_;

    return ua()->post("$p->{url}/forgot" => { %ours, %header }
                      => form => { email => $address })->res;
}


sub renew {
    my ($token, $new, %header) = @_;

    return ua()->post("$p->{url}/reset" => { %ours, %header }
                      => form => { token => $token, new => $new })->res;
}


# The token of the next mail, which no log may hold.
sub link_of {
    my ($address) = @_;

    forgot($address);
    return canary(next_mail()->{token});
}


sub next_mail { return mail_for($p->{mail}, ++$sent) }


# A password for the next time, and that its owner was told.
sub told {
    my ($new) = @_;

    like(next_mail()->{head}{Subject}, qr/password was changed/,
         'its owner is told');
    $password = $new;
    return;
}


sub sign_in_code {
    my ($address, $word, %more) = @_;

    return ua()->post("$p->{url}/signin" => \%ours => form =>
                      { email => $address, password => $word, %more })
               ->res->code;
}


sub signed_in {
    my ($ua) = @_;

    return $ua->get("$p->{url}/api/v1/summary")->res->code == 200;
}


# All of an answer that somebody could compare.
sub answer {
    my ($res) = @_;

    return join("\n", $res->code, (sort grep { !/^Date:/ }
                split(/\r\n/, $res->headers->to_string)), '', $res->body);
}


# Links are not older than the store says.
sub sleep_half_an_hour {
    stop($p->{writer});
    sql($p, 'UPDATE resets SET expires_ms = expires_ms - 1800000');
    restart($p->{writer});
    return wait_for { ua()->get("$p->{url}/readyz")->res->code == 200 };
}


subtest 'the way there' => sub {
    like(ua()->get("$p->{url}/signin")->res->body, qr{<a href="/forgot">},
         'the sign-in page leads to it');

    my $res = ua()->get("$p->{url}/forgot")->res;

    is($res->code, 200, 'a page');
    like($res->body, qr{<form [^>]*method="post" action="/forgot"}, 'a form');
    unlike($res->body, qr/<script/, 'without scripts');
    is(ua()->put("$p->{url}/forgot")->res->code, 405, 'no other method');
    is(ua()->delete("$p->{url}/reset")->res->code, 405, '... nor there');
    is(forgot($email, Origin => 'http://evil.example')->code, 403,
       'not from another site');
    is(forgot($email, 'Sec-Fetch-Site' => 'cross-site')->code, 403,
       '... whatever it says of where it is from');
    is(forgot($email, Origin => 'null')->code, 403, '... or does not say');

    for my $wrong ('', 'lena', 'lena@', 'lena@cafe', 'a b@cafe.example') {
        $res = forgot($wrong);
        is($res->code, 422, "\"$wrong\" is no address");
        like($res->body, qr/That is no e-mail address/, 'which is said');
    }

    is(ua()->post("$p->{url}/forgot" => \%ours => 'x')->res->code, 415,
       'another type');
    is(ua()->post("$p->{url}/forgot" => { %ours, 'Content-Type' =>
       'application/x-www-form-urlencoded' } => 'email=a&email=b')
       ->res->code, 400, 'two addresses');
    is(sql($p, 'SELECT count(*) FROM resets'), 0, 'none makes a link');
};

subtest 'no oracle' => sub {
    my %answers = map { answer(forgot($_)) => 1 }
                  $email, uc($email), 'stranger@cafe.example',
                  'anybody@example.com';

    is(scalar(keys %answers), 1, 'one answer for whoever it is');
    like((keys %answers)[0], qr/^200\n.*a mail with a link is on its way/s,
         'that says what happens if there is an account');
    like((keys %answers)[0], qr/^Cache-Control: no-store$/m, 'is not stored');

    my $json = sub {
        return answer(ua()->post("$p->{url}/forgot" => \%ours
                                 => json => { email => $_[0] })->res);
    };

    is($json->($email), $json->('stranger@cafe.example'), 'to a script, too');

    $sent = mails($p->{mail}) if wait_for { mails($p->{mail}) == 3 };
    is($sent, 3, 'three mails came, and no more');

    # While somebody else has the database, nothing can be looked up or stored.
    my $pid = open(my $lock, '|-', 'sqlite3', $p->{database}) or die;

    print $lock "BEGIN IMMEDIATE;\n.shell touch $p->{dir}/locked\n";
    $lock->flush;
    ok((wait_for { -e "$p->{dir}/locked" }), 'while nobody can write');

    for my $who ($email, 'stranger@cafe.example') {
        my $start = time();

        is(forgot($who)->code, 200, 'is answered');
        cmp_ok(time() - $start, '<', 1, 'before the store can say anything');
    }

    print $lock "ROLLBACK;\n";
    close($lock);

    # Interleaved: of two times the known one's is the longer in half of pairs.
    my %took;

    for my $round (1 .. 40) {
        for my $who ($round % 2 ? ($email, 'stranger@cafe.example')
                                : ('stranger@cafe.example', $email))
        {
            my $start = time();

            forgot($who);
            push(@{$took{$who}}, time() - $start);
        }
    }

    my @known = @{$took{$email}};
    my $longer = sum(map { my $t = $_; scalar(grep { $t > $_ }
                           @{$took{'stranger@cafe.example'}}) } @known);

    cmp_ok($longer / 1600, '>', 0.3, 'the times of both overlap');
    cmp_ok($longer / 1600, '<', 0.7, '... and none is the longer');
    ok(sleep_half_an_hour(), 'later');
};

subtest 'whose host it is' => sub {
    my ($port) = $p->{url} =~ /(\d+)$/;
    my $body = "email=$email";
    my $answer = raw($port, "POST /forgot HTTP/1.1\r\nHost: evil.example\r\n"
        . "X-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\n"
        . "Content-Length: " . length($body) . "\r\nConnection: close\r\n\r\n"
        . $body);

    like($answer, qr/^HTTP\/1.1 200 /, 'a Host header of a stranger');

    my $mail = next_mail();

    canary($mail->{token});
    like($mail->{text}, qr{^\Q$p->{url}\E/reset\?token=[\w-]{43}\r$}m,
         'does not lead there');
    unlike($mail->{bytes}, qr/evil/, 'and is nowhere in the mail');
};

subtest 'a link is opened' => sub {
    my $token = link_of($email);
    my $url = "$p->{url}/reset?token=$token";
    my ($ua, $phone) = map { sign_in($p) } 1, 2;

    is(ua()->get($url)->res->code, 200, 'by a scanner') for 1 .. 3;
    is(ua()->head($url)->res->code, 200, 'by another');

    my $res = ua()->get($url)->res;

    like($res->body, qr/<input type="hidden" name="token" value="$token">/,
         'shows a form');
    is($res->headers->header('Referrer-Policy'), 'no-referrer',
       'whose address goes nowhere');
    unlike($res->body, qr/name="referrer"/, '... nor by the page itself');
    is($res->headers->header('Cache-Control'), 'no-store', 'nor is it stored');
    unlike($res->body, qr/<script|<a [^>]*http|src=/, 'it has nothing of others');

    for my $wrong ('', 'x', $token . 'A', substr($token, 1),
                   '%22%3E%3Cb%3E' . substr($token, 0, 30),
                   substr($token, 0, 42) . '%0a')
    {
        my $res = ua()->get("$p->{url}/reset?token=$wrong")->res;

        like($res->body, qr/This link does not work/, 'what is no token');
        unlike($res->body, qr/<form|<b>|\Q$token\E|value=/, 'shows none');
    }

    my %fault = (short => 'too short', Sunshine2026 => 'tried first',
                 $email => 'your address', 'Corner Coffee!' => 'your business',
                 'y' x 257 => 'too long', '' => 'too short');

    for my $new (sort keys %fault) {
        $res = renew($token, $new);
        is($res->code, 422, "a password that is $fault{$new}");
        like($res->body, qr/$fault{$new}/, 'is refused in words');
        like($res->body, qr/value="$token"/, 'and the form is kept');
        unlike($res->body, qr/"\Q$new\E"/, 'without it') if length($new) > 8;
    }

    my $new = canary('canary-crema-8Wd');

    is(renew($token, $new, Origin => 'http://evil.example')->code, 403,
       'not from another site');
    is(renew($token, $new, Origin => 'null',
             'Sec-Fetch-Site' => 'cross-site')->code, 403, '... nor a frame');
    ok(signed_in($ua), 'until now nobody is signed out');

    # what a browser says of a form under no-referrer, without Sec-Fetch-Site
    $res = renew($token, $new, Origin => 'null');
    is($res->code, 200, 'a good one is set');
    like($res->body, qr/Password changed/, 'which is said');
    unlike($res->body, qr/$token/, 'without the token');
    is($res->headers->header('Set-Cookie'), undef, 'nobody is signed in by it');
    ok((wait_for { !signed_in($ua) && !signed_in($phone) } 5),
       'all sessions end');
    is(sign_in_code($email, $password), 401, 'the old password is none');
    told($new);
    is(sign_in_code($email, $new), 303, 'the new one is');
    is(renew($token, 'canary-other-8Wd')->code, 410, 'the link works once');
    is(sign_in_code($email, $new), 303, '... and changes nothing then');
    is(renew($token, 'canary-other-8Wd')->headers->header('Cache-Control'),
       'no-store', 'the answer is not stored');

    $ua = sign_in($p, $email, $new);
    my @log = map { $_->{what} }
              @{$ua->get("$p->{url}/api/v1/audit")->res->json->{items}};

    ok((grep { $_ eq 'reset.asked' } @log), 'the business sees who asked');
    ok((grep { $_ eq 'account.reset' } @log), 'and who set one');
};

subtest 'several links' => sub {
    my @tokens = map { link_of($email) } 1 .. 3;
    my $new = canary('canary-lungo-9Xz');

    is(renew($tokens[1], $new)->code, 200, 'one is used');
    told($new);
    is(renew($tokens[$_], 'canary-other-8Wd')->code, 410, 'the others end')
        for 0, 2;

    my $token = link_of($email);
    my $ua = sign_in($p, $email, $new);
    my $next = canary('canary-doppio-2Vb');

    is($ua->post("$p->{url}/api/v1/password" => \%ours =>
                 json => { current => $new, new => $next })->res->code, 204,
       'a change under a session');
    told($next);
    is(renew($token, 'canary-other-8Wd')->code, 410, '... ends them, too');

    $token = link_of($email);
    ok(sleep_half_an_hour(), 'half an hour');
    is(renew($token, 'canary-other-8Wd')->code, 410, 'ends them as well');
    is(sign_in_code($email, $next), 303, 'the password stays');
};

subtest 'two at once' => sub {
    my $token = link_of($email);
    my @new = map { canary("canary-both-$_-7Lm") } 1, 2;
    my @ua = map { ua() } 1, 2;
    my %codes;

    Mojo::Promise->all(map {
        my $i = $_;

        $ua[$i]->post_p("$p->{url}/reset" => \%ours =>
                        json => { token => $token, new => $new[$i] })
               ->then(sub { $codes{$i} = $_[0]->res->code });
    } 0, 1)->wait;

    is(join(' ', sort values %codes), '204 410', 'one is first');

    my ($won) = grep { $codes{$_} == 204 } 0, 1;

    told($new[$won]);
    is(sign_in_code($email, $new[$won]), 303, 'what it was told holds');
    is(sign_in_code($email, $new[1 - $won]), 401, 'and the other not');
};

subtest 'another account' => sub {
    my $staff = 'staff@cafe.example';
    my $word = canary('canary-staff-4Hs');
    my ($business) = slurp("$p->{dir}/owner.env") =~ /^BUSINESS=(.*)$/m;

    is((operator($p, "$word\n", qw(account add --business-id), $business,
                 '--email', $staff, qw(--role staff)))[0], 0, 'of the same business');

    my $theirs = link_of($staff);
    my $ours = link_of($email);
    my $ua = sign_in($p, $email, $password);
    my $new = canary('canary-cortado-5Tg');

    is((mails($p->{mail}))[-2]->{head}{To}, "<$staff>", 'their mail is theirs');
    is(renew($theirs, $new)->code, 200, 'their link');
    like(next_mail()->{head}{To}, qr/\Q$staff\E/, 'they are told');
    is(sign_in_code($staff, $new), 303, 'sets theirs');
    is(sign_in_code($email, $new), 401, 'and not ours');
    ok(signed_in($ua), 'we stay signed in');

    $new = canary('canary-gibraltar-3Kf');
    is(renew($ours, $new)->code, 200, 'our link still works');
    told($new);
};

subtest 'to a script' => sub {
    my $token = link_of($email);
    my $post = sub {
        return ua()->post("$p->{url}/reset" => \%ours
                          => json => { token => $_[0], new => $_[1] })->res;
    };

    is($post->($token, 'Sunshine2026')->json->{code}, 'common',
       'what is wrong is a code');
    is($post->('A' x 43, 'canary-other-8Wd')->json->{code}, 'ended',
       'as is what has ended');
    is(ua()->post("$p->{url}/reset" => \%ours => json =>
       { token => 1, new => 2 })->res->code, 410, 'numbers are no token');
    is(ua()->post("$p->{url}/reset" => \%ours => json =>
       { token => $token })->res->json->{code}, 'too_short', 'no password');

    my $new = canary('canary-affogato-6Pq');

    is($post->($token, $new)->code, 204, 'a good one is set');
    told($new);
};

subtest 'a second factor' => sub {
    my $ua = sign_in($p, $email, $password);
    my $post = sub {
        my ($path, $json) = @_;

        return $ua->post("$p->{url}$path" => \%ours
                         => $json ? (json => $json) : ())->res;
    };
    my $secret = canary($post->('/api/v1/factors/totp')->json->{secret});

    totp_calm(12);
    is($post->('/api/v1/factors/totp/confirm',
               { code => totp($secret, -1) })->code, 200, 'is set up');

    my $token = link_of($email);
    my $new = canary('canary-macchiato-1Zz');

    is(renew($token, $new)->code, 200, 'a link sets a password');
    told($new);
    is(sign_in_code($email, $new), 401, 'which alone opens nothing');
    is(sign_in_code($email, $new, code => totp($secret)), 303,
       'but with a code');
    is(sql($p, 'SELECT count(*) FROM factors WHERE confirmed_ms > 0'), 1,
       'that is asked for as before');
};

subtest 'what fails' => sub {
    my $token = link_of($email);

    # a writer without a section [mail]
    my $ini = "$p->{dir}/conf/writer.ini";
    my $whole = slurp($ini);

    stop($p->{writer});
    spew($ini, $whole =~ s/^\[mail\]\n(?:.+\n)+//mr);
    restart($p->{writer});
    ok(wait_for { ua()->get("$p->{url}/readyz")->res->code == 200 },
       'without mail it runs');

    my @answers = map { answer(forgot($_)) } $email, 'stranger@cafe.example';

    is($answers[0], $answers[1], 'and tells everybody');
    like($answers[0], qr/^404\n.*No mail is sent here/s, 'in words');
    stop($p->{writer});
    spew($ini, $whole);

    my $res = forgot($email);

    is($res->code, 503, 'without the writer none is asked for');
    like($res->body, qr/busy here/, 'which is said');
    ok($res->headers->header('Retry-After'), 'and when to come back');
    $res = renew($token, 'canary-other-8Wd');
    is($res->code, 503, 'nor used');
    like($res->body, qr/value="$token"/, '... and the form is kept');
    restart($p->{writer});
    ok(wait_for { ua()->get("$p->{url}/readyz")->res->code == 200 }, 'it is back');

    my $new = canary('canary-flatwhite-9Qr');

    is(renew($token, $new)->code, 200, 'the link still works');
    told($new);
    allow_log(qr/connect\(\) to unix/);
};

subtest 'counted' => sub {
    my $text = ua()->get("$p->{url}/keepers/status" =>
                         { Accept => 'text/plain' })->res->body;
    my ($asked) = $text =~ /^keepers_resets_total\{verdict="asked"\} (\d+)$/m;
    my ($ok) = $text =~ /^keepers_resets_total\{verdict="ok"\} (\d+)$/m;

    cmp_ok($asked // 0, '>', 80, 'who asked');
    is($ok, 8, 'and who came back');
};

subtest 'the access log' => sub {
    my $log = slurp($p->{access_log});

    like($log, qr{ 200 GET /reset .*reason= }, 'has the page');
    like($log, qr{ 410 POST /reset .*reason=ended }, 'and why it was refused');
    unlike($log, qr/token=|\?/, 'and no query');
};

# On a platform of its own, with the shipped limits.
subtest 'limits' => sub {
    local $p = start_platform();
    local %ours = (Origin => $p->{url});

    my @known = map { forgot($p->{owner_email})->code } 1 .. 7;
    my @other = map { forgot('stranger@cafe.example')->code } 1 .. 7;

    is("@known", '200 200 200 200 200 429 429', 'of one account end');
    is("@other", "@known", 'of one that is not there, too');

    my @bodies = map { forgot($_)->body =~ s/again in \d+ min//r }
                 $p->{owner_email}, 'stranger@cafe.example';

    is($bodies[0], $bodies[1], 'with the same words');
    like($bodies[0], qr/Too many links/, 'for people');
    ok((wait_for { mails($p->{mail}) == 3 }), 'three mails were sent');

    my @codes = map { forgot("guest-$_\@cafe.example")->code } 1 .. 14;

    like("@codes", qr/^(?:200 )+(?:429 ?)+$/, "of one network end: @codes");

    is(scalar(mails($p->{mail})), 3, 'and no more');

    my ($token) = map { canary($_->{token}) } (mails($p->{mail}))[0];

    canary($_->{token}) for mails($p->{mail});
    @codes = map { renew('A' x 43, 'canary-other-8Wd')->code } 1 .. 24;
    like("@codes", qr/^(?:410 ){20}(?:429 ?)+$/, "so do tries: @codes");
    is(renew($token, 'canary-other-8Wd')->code, 429, 'a good one waits');
    like(renew($token, 'canary-other-8Wd')->body, qr/value="$token"/,
         '... with its form');
};

done_testing();
