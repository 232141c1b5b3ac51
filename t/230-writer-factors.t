#!/usr/bin/perl

# Copyright (C) Keepers

# A second factor at the writer: enrolled with a code, asked for at every
# sign-in, each code good once, ten more for the day the phone is lost; and
# nothing that is wrong is told from anything else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Keepers::Timing qw(alike);
use Keepers::Totp;
use Keepers::Writer;
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep time);

my $writer = Keepers::Writer->new('argon2.queue' => 200,
                                  'argon2.threads' => 2);
my $password = canary('canary-correct-horse');
my $email = 'canary-owner@example.org';
my ($ids, %me, %strong, $secret, @recovery);


sub signin_p {
    my (%field) = @_;

    return $writer->post_p('/v1/signin', $writer->seal(signin =>
        email => $email, password => $password, %field));
}


sub signin {
    my (%field) = @_;

    return $writer->post('/v1/signin', $writer->seal(signin =>
        email => $email, password => $password, %field));
}


sub step_up {
    my (%field) = @_;

    return $writer->post('/v1/step-up', $writer->seal(step_up =>
        user => $ids->{user}, %field));
}


# As if the half minutes had gone by.
sub codes_are_new {
    stop($writer->{process});
    sql($writer, 'UPDATE factors SET last_step = 0');
    $writer->start;
    return;
}


# Nothing is written to the database for so many seconds.
sub hold {
    my ($for_s) = @_;

    open(my $sqlite, '|-', 'sqlite3', $writer->{database})
        or die("sqlite3: $!\n");
    $sqlite->autoflush(1);
    print $sqlite "BEGIN IMMEDIATE;\n";
    Mojo::IOLoop->timer($for_s => sub { close($sqlite) });
    sleep(0.3);
    return;
}


sub whole {
    my ($res) = @_;

    return $res->build_start_line . $res->body;
}


# How often each status came.
sub counted {
    my (@promises) = @_;
    my %n;

    Mojo::Promise->all(map { $_->then(sub { $n{$_[0]->res->code}++ }) }
                       @promises)->wait;
    return join(' ', map { "$_:$n{$_}" } sort keys %n);
}


$writer->command('', 'migrate');
$ids = $writer->account(business => 'Tea', role => 'owner', email => $email,
                        password => $password);
%me = (user => $ids->{user}, business => $ids->{business}, role => 'owner');
%strong = (%me, aal => 2);
$writer->start;

subtest 'without one' => sub {
    is(signin()->json->{aal}, '1', 'the password is enough');
    is(signin(code => '123456')->json->{aal}, '1', 'a code is nothing');
    is_deeply($writer->items(\%me, 'factors'), [], 'none is listed');
    is($writer->api(\%me, POST => 'factors/totp/confirm', '{"code":"1"}')
           ->code, 404, 'none is confirmed');
    is($writer->api(\%strong, POST => "factors/totp/$_")->code, 404,
       "there is nothing to $_") for qw(codes remove);
    is(step_up(password => $password)->json->{aal}, '1',
       'the password proves who has a session');
    is(step_up(password => "$password.")->code, 401, 'a wrong one does not');
    is(step_up(code => '123456')->code, 401, 'nor a code');
    is(step_up(user => '0' x 8 . '-0000-7000-8000-' . '0' x 12,
               password => $password)->code, 401, 'nor of nobody');
};

subtest 'enrolled' => sub {
    my $res = $writer->api(\%me, POST => 'factors/totp');
    my $first = $res->json;

    is($res->code, 201, 'a secret');
    like($first->{secret}, qr/^[A-Z2-7]{32}$/, 'of 160 bits');
    is($first->{uri}, "otpauth://totp/Keepers%20Loyalty:$email?secret="
       . "$first->{secret}&issuer=Keepers%20Loyalty", 'for an app');
    like($first->{qr}, qr{^<svg .*</svg>\n$}s, 'as a picture');
    is($res->headers->header('Cache-Control'), 'no-store', 'not to be kept');

    $secret = canary($writer->api(\%me, POST => 'factors/totp')
                            ->json->{secret});
    canary($first->{secret});
    isnt($secret, $first->{secret}, 'asked for again, another');
    is(signin()->json->{aal}, '1', 'it counts for nothing yet');
    totp_calm();
    is($writer->api(\%me, POST => 'factors/totp/confirm',
           '{"code":"' . totp($first->{secret}) . '"}')->code, 422,
       'the first one is void');
    is($writer->api(\%me, POST => 'factors/totp/confirm', '{"code":"'
           . wrong_code($secret) . '"}')->json->{errors}[0]{code}, 'wrong',
       'a wrong code does not confirm');
    is($writer->api(\%me, POST => 'factors/totp/confirm', '{"code":7}')->code,
       422, 'a number is no code');
    is_deeply($writer->items(\%me, 'factors'), [], 'and none is listed');

    # many with the right one: it is confirmed once
    my @answers;
    my $identity = $writer->seal(identity => %me);

    Mojo::Promise->all(map {
        $writer->{ua}->post_p($writer->url('/api/v1/factors/totp/confirm')
            => { 'Keepers-Identity' => $identity }
            => '{"code":"' . totp($secret, -1) . '"}')
            ->then(sub { push(@answers, $_[0]->res) })
    } 1 .. 20)->wait;

    my @ok = grep { $_->code == 200 } @answers;

    is(scalar(@ok), 1, 'the right code confirms once');
    is(scalar(grep { $_->code == 409 } @answers), 19, 'and then it is there')
        or diag(join(' ', map { $_->code // 'none' } @answers));
    @recovery = @{$ok[0]->json->{recovery_codes}};
    canary($_) for @recovery;
    is(scalar(@recovery), 10, 'with ten recovery codes');
    like($_, qr/^(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}$/, 'of 80 bits') for @recovery;
    is($writer->items(\%me, 'factors')->[0]{recovery_codes}, 10, 'listed');
    is($writer->api(\%me, POST => 'factors/totp')->code, 409,
       'and cannot be replaced');
};

subtest 'from now on' => sub {
    my $wrong = signin(password => "$password.", code => totp($secret));

    is($wrong->code, 401, 'a wrong password');
    is(whole(signin()), whole($wrong), 'the password alone is no more said of');
    is(whole(signin(code => wrong_code($secret))), whole($wrong),
       'nor a wrong code');
    is(whole(signin(email => 'canary-nobody@example.org',
                    code => totp($secret))), whole($wrong), 'nor nobody');
    is(whole(signin(code => totp($secret, -1))), whole($wrong),
       'nor the code that has confirmed');
    is(whole(signin(code => totp($secret, -3))), whole($wrong),
       'nor one of long ago');
    is(whole(signin(code => totp($secret, 3))), whole($wrong),
       'nor one that is to come');

    my $in = signin(code => totp($secret));

    is($in->code, 200, 'the right one');
    is($in->json->{aal}, '2', 'is a second factor');
    is(whole(signin(code => totp($secret))), whole($wrong),
       'and is good once');
    is(signin(code => join(' ', totp($secret, 1) =~ /(...)(...)/))->code, 200,
       'the next one too, as apps show it');
};

subtest 'at the same moment' => sub {
    codes_are_new();
    totp_calm(15);

    my $code = totp($secret);

    is(counted(map { signin_p(code => $code) } 1 .. 100), '200:1 401:99',
       'a hundred with one code: one');
    is(counted(map { signin_p(code => $recovery[0]) } 1 .. 30),
       '200:1 401:29', 'a recovery code likewise');

    # all of them are judged before the first of them is stored
    codes_are_new();
    totp_calm(15);
    $code = totp($secret);
    hold(1.5);
    is(counted(map { signin_p(code => $code) } 1 .. 20), '200:1 401:19',
       'of those that have all been right, one');
    hold(1.5);
    is(counted(map { signin_p(code => $recovery[9]) } 1 .. 20),
       '200:1 401:19', 'and one with a recovery code');
};

subtest 'after a restart' => sub {
    stop($writer->{process});
    $writer->start;
    is(signin(code => totp($secret))->code, 401, 'a used code stays used');
    is(signin(code => $recovery[0])->code, 401, 'so does a recovery code');

    my $typed = lc($recovery[1]) =~ s/-/ /gr;

    is(signin(code => $typed)->json->{aal}, '2', 'another, as people type it');
    is($writer->items(\%me, 'factors')->[0]{recovery_codes}, 7,
       'seven are left');
};

subtest 'a step-up' => sub {
    codes_are_new();
    totp_calm();
    is(step_up(password => $password)->code, 401,
       'is not done with the password');
    is(step_up(password => "$password.", code => totp($secret))->code, 401,
       'nor with a wrong one and a code');

    my $up = step_up(code => totp($secret));

    is($up->json->{aal}, '2', 'but with a code');
    is($up->json->{user}, $ids->{user}, 'for who it was');
    is(step_up(code => totp($secret))->code, 401, 'which is good once');
    is(step_up(code => $recovery[2])->code, 200, 'or with a recovery code');
    is(step_up(code => totp($secret, 1), asked_ms => int(time() * 1000)
               - 31000)->code, 400, 'not with what was sealed before');
};

subtest 'other recovery codes' => sub {
    is($writer->api(\%me, POST => 'factors/totp/codes')->json->{code},
       'step_up', 'not for the password alone');

    my $codes = $writer->api(\%strong, POST => 'factors/totp/codes')
                       ->json->{recovery_codes};

    canary($_) for @$codes;
    is(scalar(@$codes), 10, 'ten');
    is(signin(code => $recovery[3])->code, 401, 'the old ones are void');
    is(signin(code => $codes->[0])->code, 200, 'the new ones are not');
};

subtest 'the time it takes' => sub {
    my $case = sub {
        my $sealed = $writer->seal(signin => email => $email,
                                   password => $password, @_);

        return sub { $writer->post('/v1/signin', $sealed) };
    };

    alike('missing',
          missing => sub { $case->() },
          wrong => sub { $case->(code => '000001') },
          unknown => sub { $case->(email => 'canary-nobody@example.org',
                                   code => '000001') });
};

subtest 'removed' => sub {
    is($writer->api(\%me, POST => 'factors/totp/remove')->json->{code},
       'step_up', 'not for the password alone');
    is($writer->api(\%strong, POST => 'factors/totp/remove')->code, 204,
       'by who has it');
    is(signin()->json->{aal}, '1', 'the password is enough again');
    is(sql($writer, 'SELECT count(*) FROM recovery_codes'), 0,
       'no recovery code is left');
};

subtest 'the phone is lost' => sub {
    my $lost = $writer->api(\%me, POST => 'factors/totp')->json->{secret};

    canary($lost);
    totp_calm();
    is($writer->api(\%me, POST => 'factors/totp/confirm',
           '{"code":"' . totp($lost) . '"}')->code, 200, 'enrolled');
    isnt(signin()->code, 200, 'and asked for');

    my ($status, $text) = $writer->command('',
        qw(account totp remove --email), $email);

    is($status, 0, 'an operator removes it') or diag($text);
    is(signin()->code, 200, 'the password is enough');
    is(sql($writer, 'SELECT count(*) FROM ends'), 1,
       'the sessions are to end');
    ($status, $text) = $writer->command('', qw(account totp remove --email),
                                        $email);
    like($text, qr/no_factor/, 'it says when there is none');
    is(($writer->command('', qw(account totp --email), $email))[0], 2,
       'half a command is none');
};

subtest 'in the log of the business' => sub {
    my %seen = map { ($_->{what} => 1) }
               @{$writer->items(\%me, 'audit?limit=100')};

    ok($seen{$_}, $_) for qw(factor.added factor.codes factor.removed signin
                             signin.refused signin.recovery step_up
                             step_up.refused step_up.recovery);
};

subtest 'at rest' => sub {
    stop($writer->{process});

    my $bytes = slurp($writer->{database});

    unlike($bytes, qr/\Q$secret\E/, 'no secret');

    for my $code (@recovery) {
        my $either = $code =~ s/-/-?/gr;

        unlike($bytes, qr/$either/, 'no recovery code');
    }
};

done_testing();
