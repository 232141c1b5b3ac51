#!/usr/bin/perl

# Copyright (C) Keepers

# Passkeys as a second factor: enrolled by who has proved who they are, good
# once for each challenge, at our origin, for our domain, by a person who was
# there; and nothing that is wrong is told from anything else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Passkey;
use Keepers::Test;
use Keepers::Timing qw(alike);
use Keepers::Totp;
use Keepers::Writer;
use List::Util qw(shuffle);
use MIME::Base64 qw(decode_base64url encode_base64 encode_base64url);
use Mojo::JSON qw(decode_json encode_json true);
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(time);

my $rp = 'keepers.example';
my $origin = 'https://keepers.example';
my $other_origin = 'https://dash.keepers.example:8443';
my $writer = Keepers::Writer->new('argon2.queue' => 200,
    'argon2.threads' => 2, 'passkeys.rp_id' => $rp,
    'passkeys.origins' => "$origin $other_origin");
my $password = canary('canary-correct-horse');
my $email = 'canary-owner@example.org';
my $stranger_email = 'canary-stranger@example.org';
my ($ids, $stranger, %me, %strong, %them, @recovery);
my $name = canary('canary-Lenas Telefon');


sub authenticator {
    my (%self) = @_;

    return Keepers::Passkey->new(rp => $rp, origin => $origin, %self);
}


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
        user => $ids->{user}, sid => 7, %field));
}


sub asked {
    my ($who) = @_;

    return $who ? $writer->api($who, GET => 'factors/passkeys/challenge')->json
                : $writer->get('/v1/signin/challenge')->json;
}


sub options {
    my ($who) = @_;

    return $writer->api($who, POST => 'factors/passkeys/options');
}


sub add {
    my ($who, $passkey, $as) = @_;

    return $writer->api($who, POST => 'factors/passkeys',
        encode_json({ name => $as // $name, passkey => $passkey }));
}


sub whole {
    my ($res) = @_;

    return $res->build_start_line . $res->body;
}


sub counted {
    my (@promises) = @_;
    my %n;

    Mojo::Promise->all(map { $_->then(sub { $n{$_[0]->res->code}++ }) }
                       @promises)->wait;
    return join(' ', map { "$_:$n{$_}" } sort keys %n);
}


sub listed {
    my ($who) = @_;

    return [grep { $_->{kind} eq 'passkey' }
            @{$writer->items($who, 'factors')}];
}


sub log_of {
    my ($who) = @_;
    my %seen;

    $seen{$_->{what}}++ for @{$writer->items($who, 'audit?limit=100')};
    return \%seen;
}


# Behind a job of the committer, so that notes before it are in the log.
sub noted {
    my ($what) = @_;

    return wait_for { log_of(\%me)->{$what} };
}


$writer->command('', 'migrate');
$ids = $writer->account(business => 'Tea', role => 'owner', email => $email,
                        password => $password);
$stranger = $writer->account(business => 'Rum', role => 'owner',
                             email => $stranger_email, password => $password);
%me = (user => $ids->{user}, business => $ids->{business}, role => 'owner',
       sid => 7);
%strong = (%me, aal => 2);
%them = (user => $stranger->{user}, business => $stranger->{business},
         role => 'owner', sid => 9);

subtest 'the configuration' => sub {
    my %ini = ('passkeys.rp_id' => $rp, 'passkeys.origins' => $origin);

    for my $case (
        [{ }, undef, 'right'],
        [{ 'passkeys.rp_id' => '', 'passkeys.origins' => '' }, undef, 'off'],
        [{ 'passkeys.rp_id' => 'localhost',
           'passkeys.origins' => 'http://localhost:8080' }, undef, 'a demo'],
        [{ 'passkeys.origins' => "$origin $other_origin" }, undef, 'two'],
        [{ 'passkeys.rp_id' => '' }, qr/rp_id is "".*domain/, 'no rp_id'],
        [{ 'passkeys.rp_id' => $origin }, qr/rp_id is "https/, 'a URL'],
        [{ 'passkeys.rp_id' => '192.0.2.1' }, qr/rp_id is/, 'an address'],
        [{ 'passkeys.rp_id' => 'example' }, qr/rp_id is/, 'one label'],
        [{ 'passkeys.rp_id' => 'Keepers.example' }, qr/lower case/, 'capitals'],
        [{ 'passkeys.rp_id' => 'keepers..example' }, qr/rp_id/, 'two dots'],
        [{ 'passkeys.origins' => '' }, qr/origins is empty/, 'no origin'],
        [{ 'passkeys.origins' => 'http://keepers.example' },
         qr/begin with "https/, 'in the clear'],
        [{ 'passkeys.origins' => "$origin/" }, qr/not of the rp_id/, 'a path'],
        [{ 'passkeys.origins' => "$origin:443" }, qr/leave out/, 'its port'],
        [{ 'passkeys.origins' => "$origin:0443" }, qr/no port/, 'a zero'],
        [{ 'passkeys.origins' => "$origin:99999" }, qr/no port/, 'too high'],
        [{ 'passkeys.origins' => 'https://KEEPERS.example' },
         qr/not of the rp_id/, 'in capitals'],
        [{ 'passkeys.origins' => 'https://evilkeepers.example' },
         qr/not of the rp_id/, 'a name that ends like it'],
        [{ 'passkeys.origins' => "$origin https://keepers.example.evil" },
         qr/"https:\/\/keepers.example.evil" is not/, 'a second one'],
        [{ 'passkeys.origins' => "$origin https://me\@keepers.example" },
         qr/not of the rp_id/, 'a user'])
    {
        my ($change, $words, $what) = @$case;
        my ($status, $text) = Keepers::Writer->new(%ini, %$change)
                                             ->command('', 'check-config');

        if ($words) {
            isnt($status, 0, "$what is refused");
            like($text, $words, '... in words');

        } else {
            is($status, 0, "$what is taken") or diag($text);
        }
    }
};

subtest 'without the configuration' => sub {
    my $plain = Keepers::Writer->new('store.database' => $writer->{database});

    $plain->{keys} = $writer->{keys};

    my $res;

    system("sed -i 's,$plain->{dir}/keys,$writer->{keys},'"
           . " '$plain->{config}'") == 0 or die;
    $plain->start;
    $res = $plain->get('/v1/signin/challenge');
    is($res->code, 404, 'there is no challenge');
    is($res->json->{code}, 'passkeys_off', '... and why');
    is($plain->api(\%me, GET => 'factors/passkeys/challenge')->code, 404,
       'nor for a session');
    is($plain->api(\%me, POST => 'factors/passkeys/options')->code, 404,
       'and none is made');
    stop($plain->{process});
};

$writer->start;

my $key = authenticator(handle => pack('H*', $ids->{user} =~ s/-//gr));
my $counting = $key;

subtest 'what is asked' => sub {
    my ($one, $two) = (asked(), asked());

    is(length(decode_base64url($one->{challenge})), 32, '32 bytes');
    isnt($one->{challenge}, $two->{challenge}, 'other ones each time');
    is_deeply([sort keys %$one], [qw(challenge rp_id seconds state)],
              'a sign-in learns of no account');
    is($one->{rp_id}, $rp, 'but the domain');

    my $res = options(\%me);
    my $new = $res->json;

    is($res->code, 200, 'for a new one');
    is($res->headers->header('Cache-Control'), 'no-store', 'not to be kept');
    is($new->{user}{name}, $email, 'the name to show');
    is(decode_base64url($new->{user}{id}), $key->{handle}, 'an id');
    is_deeply($new->{credentials}, [], 'there are none yet');
    is($writer->get('/api/v1/factors/passkeys/challenge')->code, 401,
       'who has no session is asked nothing');
};

# Each with what is right but for one thing.
subtest 'no passkey' => sub {
    my $bad = sub {
        my ($what, $code, %lie) = @_;
        my $asked = delete($lie{asked}) // options(\%me)->json;
        my $as = delete($lie{as}) // authenticator();
        my $res = add(\%me, $as->create($asked, %lie));

        is($res->code, 422, $what);
        is(($res->json->{errors}[0] // {})->{code}, $code, "... is $code");
    };
    my $point = pack('C', 4) . "\x11" x 64;

    $bad->('of another origin', 'origin', origin => 'https://evil.example');
    $bad->('of a name that begins like ours', 'origin',
           origin => "$origin.evil.example");
    $bad->('of our name without TLS', 'origin',
           origin => 'http://keepers.example');
    $bad->('of another port', 'origin', origin => "$origin:8443");
    $bad->('in a frame', 'origin', cross => true);
    $bad->('below somebody else', 'origin', top => 'https://evil.example');
    $bad->('for another domain', 'rp', rp => 'example');
    $bad->('of nobody who is there', 'flags', flags => 0x44);
    $bad->('of nobody who proved it', 'flags', flags => 0x41);
    $bad->('without a key', 'malformed', flags => 0x05);
    $bad->('that attests', 'attestation', fmt => 'packed');
    $bad->('with a statement', 'attestation',
           statement => pack('H*', 'a163616c6726'));
    $bad->('with something behind', 'attestation', behind => "\0");
    $bad->('that is not CBOR', 'attestation', object => "\xff" x 40);
    $bad->('that claims to be long', 'attestation',
           object => pack('H*', 'bb00ffffffffffffff'));
    $bad->('that is a list', 'attestation',
           object => pack('H*', '9b00ffffffffffffff'));
    $bad->('that says it twice', 'attestation', order => [qw(fmt fmt data)]);
    $bad->('that leaves something out', 'attestation',
           order => [qw(fmt data)]);
    $bad->('with extensions that are not there', 'malformed', flags => 0xc5);
    $bad->('with more than it says', 'malformed', more => "\xa0");
    $bad->('with a key cut short', 'algorithm', cose => pack('H*',
           'a5010203262001215820') . 'x' x 31);
    $bad->('with RSA of few bits', 'algorithm', cose => pack('H*',
           'a401030339010020590100') . "\0" x 192 . "\xff" x 64
           . pack('H*', '2143010001'));
    $bad->('with another exponent', 'algorithm', cose => pack('H*',
           'a401030339010020590100') . "\xff" x 256
           . pack('H*', '2143000003'));
    $bad->('that is deep', 'attestation', object => "\x81" x 1200);
    $bad->('that is empty', 'attestation', object => '');
    $bad->('of a curve that nobody asked for', 'algorithm',
           cose => pack('H*', 'a501020338222002215830') . 'x' x 48
                   . pack('H*', '225830') . 'y' x 48);
    $bad->('of a point on no curve', 'algorithm',
           as => authenticator(point => $point));
    $bad->('for a sign-in', 'malformed', type => 'webauthn.get');
    $bad->('of another challenge', 'challenge',
           challenge => encode_base64url('x' x 32));
    $bad->('of a challenge of a sign-in', 'challenge', asked => asked());
    $bad->('of a challenge of a step-up', 'challenge', asked => asked(\%me));
    $bad->('of a challenge of somebody else', 'challenge',
           asked => options(\%them)->json);
    $bad->('of a challenge of another session', 'challenge',
           asked => options({ %me, sid => 8 })->json);
    $bad->('of words that are not JSON', 'malformed', client => '{');
    $bad->('of words said twice', 'malformed',
           client => '{"type":"webauthn.create","type":"webauthn.create"}');
    $bad->('with an id that is too long', 'malformed',
           as => authenticator(id => 'x' x 600));

    is(add(\%me, $_)->json->{errors}[0]{code}, 'malformed', 'nor junk')
        for '', '.', '...', 'a.b.c', 'x' x 2000;

    my $res = add(\%me, authenticator()->create(options(\%me)->json), '');

    is($res->json->{errors}[0]{field}, 'name', 'nor one without a name');
    is(add(\%me, authenticator()->create(options(\%me)->json), 'x' x 61)
           ->code, 422, 'nor with one that is too long');
    is_deeply(listed(\%me), [], 'none is kept');
    is(signin()->json->{aal}, '1', 'and the password is enough');
};

subtest 'a challenge' => sub {
    my $master = slurp("$writer->{keys}/master.key");
    my $at = sub {
        my ($s, %of) = @_;

        return Keepers::Passkey::challenge(master => $master, purpose => 3,
            user => $ids->{user}, sid => 7,
            asked_ms => int((time() + $s) * 1000), %of);
    };
    my $res = add(\%me, authenticator()->create($at->(-121)));

    is($res->json->{errors}[0]{code}, 'challenge', 'is good for 120 seconds');
    is(add(\%me, authenticator()->create($at->(300)))->code, 422,
       'and not of the future');
    is(add(\%me, authenticator()->create($at->(-60, master
           => slurp("$writer->{keys}/shared.keys"))))->code, 422,
       'made by nobody else');

    my $text = $key->create($at->(-110));
    my ($n, %code) = (0);
    my $identity = $writer->seal(identity => %me);

    Mojo::Promise->all(map {
        $writer->{ua}->post_p($writer->url('/api/v1/factors/passkeys')
            => { 'Keepers-Identity' => $identity }
            => encode_json({ name => $name, passkey => $text }))
            ->then(sub {
                my $made = $_[0]->res;

                $code{$made->code}++;
                @recovery = @{$made->json->{recovery_codes}}
                    if $made->code == 201;
            })
    } 1 .. 50)->wait;

    is($code{201}, 1, 'fifty with one answer make one passkey');
    canary($_) for @recovery;
    is(scalar(@recovery), 10, 'with ten recovery codes, the first factor');

    my $list = listed(\%me);

    is(scalar(@$list), 1, 'it is listed');
    is($list->[0]{name}, $name, 'by its name');
    is($list->[0]{used}, undef, 'not used yet');
    is($list->[0]{recovery_codes}, 10, 'with what is left of the codes');
};

subtest 'who has one' => sub {
    is(options(\%me)->json->{code}, 'step_up',
       'proves it before another comes');
    is(add(\%me, authenticator()->create(options(\%strong)->json))->json
           ->{code}, 'step_up', 'whatever was asked before');
    is($writer->api(\%me, POST => 'factors/totp')->json->{code}, 'step_up',
       'an app is no way round it');
    is(add(\%strong, $key->create(options(\%strong)->json))->code, 409,
       'the same one comes once');
    is_deeply(options(\%strong)->json->{credentials},
              [encode_base64url($key->{id})], 'and a browser is told');
    is(add(\%them, $key->create(options(\%them)->json))->code, 409,
       'nor is it somebody else\'s');
};

my $wrong;

subtest 'a sign-in' => sub {
    $wrong = whole(signin(password => "$password."));

    my $in = signin(passkey => $key->get(asked()));

    is($in->code, 200, 'with password and passkey');
    is($in->json->{aal}, '2', 'is a second factor');
    ok(listed(\%me)->[0]{used}, 'the list says so');
    is(signin(passkey => $key->get(asked(), origin => $other_origin))->code,
       200, 'at the other origin too');
    is(signin(passkey => $key->get(asked(), handle => ''))->code, 200,
       'a browser may leave the handle out');
    is(whole(signin()), $wrong, 'the password alone is no more said of');
    is(whole(signin(password => "$password.",
                    passkey => $key->get(asked()))), $wrong,
       'the passkey alone neither');
    is(whole(signin(code => '000000')), $wrong, 'nor a code');

    # the codes of an empty secret are anybody's
    totp_calm();
    is(whole(signin(code => totp('A' x 32))), $wrong, 'of no app');
};

subtest 'wrong' => sub {
    my $theirs = authenticator(handle => pack('H*', $stranger->{user}
                                                    =~ s/-//gr));
    my $mine = $key->{handle};
    my $data = $key->data(0x05, '');

    is(add(\%them, $theirs->create(options(\%them)->json))->code, 201,
       'somebody else has one');
    is(signin(email => $stranger_email, passkey => $theirs->get(asked()))
           ->code, 200, 'which is theirs');

    for my $case (
        ['somebody else\'s', as => $theirs],
        ['... that says to be mine', as => $theirs, handle => $mine],
        ['... under my id', as => $theirs, id => $key->{id}],
        ['... signed by it', by => $theirs],
        ['mine as theirs', handle => $theirs->{handle}],
        ['nobody\'s', as => authenticator()],
        ['of an id cut short', id => substr($key->{id}, 0, 31)],
        ['of no id', id => ''],
        ['another origin', origin => 'https://evil.example'],
        ['the origin with a slash', origin => "$origin/"],
        ['another domain', rp => 'keepers.example.evil'],
        ['a domain above', rp => 'example'],
        ['nobody there', flags => 0x04],
        ['not proved who', flags => 0x01],
        ['in a frame', cross => true],
        ['below a page', top => $origin],
        ['one that makes', type => 'webauthn.create'],
        ['another challenge', challenge => encode_base64url('x' x 32)],
        ['no challenge', challenge => ''],
        ['a challenge for a step-up', asked => asked(\%me)],
        ['a challenge for a new one', asked => options(\%strong)->json],
        ['a state that is bent', bend => 1],
        ['no signature', signature => ''],
        ['a signature of zeros', signature => "\0" x 71],
        ['said otherwise than signed', said => '{}'],
        ['data cut short', data => substr($data, 0, 36)],
        ['data with more', data => "$data\0"],
        ['data with a key that is not there',
         data => $key->data(0x45, '')],
        ['data with extensions that are not there',
         data => $key->data(0x85, '')])
    {
        my ($what, %lie) = @$case;
        my $as = delete($lie{as}) // $key;
        my $asked = delete($lie{asked}) // asked();

        if (delete($lie{bend})) {
            $asked = { %$asked };
            substr($asked->{state}, 20, 1) =~ tr/A-Za-z0-9_-/B-ZAb-za1-90\-_/;
        }

        is(whole(signin(passkey => $as->get($asked, %lie))), $wrong, $what);
    }

    is(whole(signin(passkey => $_)), $wrong, 'junk')
        for '.', '.....', 'x' x 2560, 'a.b.c.d.e.f';
    is(whole(signin(email => 'canary-nobody@example.org',
                    passkey => $key->get(asked()))), $wrong, 'nobody');
    is(whole(signin(passkey => authenticator(kind => $_)->get(asked()))),
       $wrong, "nobody's $_") for qw(eddsa rs256);
    is(signin(passkey => $key->get(asked()))->code, 200, 'and it still works');
};

subtest 'once' => sub {
    my $text = $key->get(asked());

    is(counted(map { signin_p(passkey => $text) } 1 .. 100), '200:1 401:99',
       'a hundred with one answer: one');
    is(whole(signin(passkey => $text)), $wrong, 'a replay is refused');

    my $asked = asked();

    is(signin(passkey => $key->get($asked))->code, 200, 'one answer');
    is(whole(signin(passkey => $key->get($asked))), $wrong,
       'is all that a challenge gets');

    my $before = $key->get(asked());

    stop($writer->{process});
    $writer->start;
    is(whole(signin(passkey => $text)), $wrong, 'after a restart too');
    is(signin(passkey => $before)->code, 200,
       'which loses nothing that was asked');
};

subtest 'a counter' => sub {
    my $copy = $key->get(asked(), counter => $key->{counter});

    is(whole(signin(passkey => $copy)), $wrong, 'that stands still');
    ok(noted('passkey.copied'), 'is in the log');
    is(whole(signin(passkey => $key->get(asked(), counter => 1))), $wrong,
       'that goes back');
    is(whole(signin(passkey => $key->get(asked(), counter => 0))), $wrong,
       'that is gone');
    is(signin(passkey => $key->get(asked(), counter => $key->{counter} + 9))
           ->code, 200, 'forwards is well');
    $key->{counter} += 9;

    my $synced = authenticator(counter => 0);
    my $made = add(\%strong, $synced->create(options(\%strong)->json));

    is($made->code, 201, 'one that has none');
    is($made->json->{recovery_codes}, undef,
       'the codes that there are stay good');

    my $text = $synced->get(asked());

    is(counted(map { signin_p(passkey => $text) } 1 .. 100), '200:1 401:99',
       'a hundred with one answer of it: one');
    is(signin(passkey => $synced->get(asked()))->code, 200,
       'the next one is well');
    is(signin(passkey => $synced->get(asked(), counter => 5))->code, 200,
       'it may begin to count');
    is(whole(signin(passkey => $synced->get(asked()))), $wrong,
       'and then must');
};

subtest 'other algorithms' => sub {
    for my $kind (qw(eddsa rs256)) {
        my $one = authenticator(kind => $kind, id => $kind x 40);

        is(add(\%strong, $one->create(options(\%strong)->json))->code, 201,
           $kind);
        is(signin(passkey => $one->get(asked()))->json->{aal}, '2',
           '... signs in');
        is(whole(signin(passkey => $one->get(asked(), by => $key))), $wrong,
           '... not by another');
    }

    my $fifth = authenticator(id => 'x' x 500);
    my %odd = (order => [qw(data fmt statement)], flags => 0xc5,
               more => pack('H*', 'a16b6372656450726f7465637402'));
    my $text = authenticator()->create(options(\%strong)->json);

    is(add(\%strong, $fifth->create(options(\%strong)->json, %odd))->code, 201,
       'a fifth, with an extension, in another order');
    is(signin(passkey => $fifth->get(asked()))->code, 200, '... signs in');
    is(signin(passkey => $fifth->get(asked(), flags => 0x85, more => "\xa0"))
           ->code, 200, '... with an extension, too');
    is(options(\%strong)->code, 409, 'is the last');
    is(add(\%strong, $text)->json->{code}, 'too_many', '... whatever');
};

subtest 'a step-up' => sub {
    my $up = step_up(passkey => $key->get(asked(\%me)));

    is($up->json->{aal}, '2', 'with a passkey');
    is($up->json->{user}, $ids->{user}, 'for who it was');
    is(step_up(password => $password, passkey => $key->get(asked(\%me)))
           ->code, 200, 'and the password beside it');
    is(step_up(password => "$password.", passkey => $key->get(asked(\%me)))
           ->code, 401, 'which must be right');
    is(step_up(password => $password)->code, 401, 'and is not enough');
    is(step_up(passkey => $key->get(asked()))->code, 401,
       'not with a challenge of a sign-in');
    is(step_up(passkey => $key->get(asked({ %me, sid => 8 })))->code, 401,
       'of another session');
    is(step_up(passkey => $key->get(asked(\%them)))->code, 401,
       'of somebody else');

    my $text = $key->get(asked(\%me));

    is(counted(map { $writer->post_p('/v1/step-up', $writer->seal(step_up =>
           user => $ids->{user}, sid => 7, passkey => $text)) } 1 .. 50),
       '200:1 401:49', 'fifty with one answer: one');
    is(scalar(@{asked(\%me)->{credentials}}), 5,
       'a browser is told which');
    is(step_up(code => $recovery[0])->code, 200, 'a recovery code is enough');
};

# One character of an answer, anywhere, is another one.
subtest 'bent' => sub {
    my @letters = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_', '.');
    my $bend = sub {
        my ($text) = @_;
        my $at = int(rand(length($text)));
        my $was = substr($text, $at, 1);
        my ($to) = grep { $_ ne $was } shuffle(@letters);

        substr($text, $at, 1) = $to;
        return $text;
    };
    my (%up, %new);

    for (1 .. 120) {
        $up{step_up(passkey => $bend->($key->get(asked(\%me))))->code}++;
    }

    is(join(' ', %up), '401 120', 'no answer is right');
    is(step_up(passkey => $key->get(asked(\%me)))->code, 200,
       'but the one that is as it was');

    # what attests nothing can be bent into another passkey, or into none
    my %theirs = (%them, aal => 2);

    for (1 .. 120) {
        my $asked = options(\%theirs);

        if ($asked->code == 409) {
            $writer->api(\%theirs, POST => "factors/passkeys/$_->{id}/remove")
                for splice(@{listed(\%theirs)}, 1);
            next;
        }

        my $text = authenticator()->create($asked->json);

        $new{add(\%theirs, $bend->($text))->code}++;
    }

    is(join(' ', grep { !/^(?:201|422)$/ } keys %new), '',
       'a new passkey is one, or is refused');
    ok($new{422}, '... as most are');
    is($writer->api(\%theirs, GET => 'factors')->code, 200,
       'and what was kept can be read');
    $writer->api(\%theirs, POST => "factors/passkeys/$_->{id}/remove")
        for splice(@{listed(\%theirs)}, 1);
};

subtest 'with an app beside it' => sub {
    my $secret = canary($writer->api(\%strong, POST => 'factors/totp')
                               ->json->{secret});

    totp_calm();
    is($writer->api(\%me, POST => 'factors/totp/confirm', '{"code":"'
           . totp($secret) . '"}')->json->{code}, 'step_up',
       'who has a passkey proves it');

    my $res = $writer->api(\%strong, POST => 'factors/totp/confirm',
                           '{"code":"' . totp($secret, -1) . '"}');

    is($res->code, 200, 'confirmed');
    @recovery = map { canary($_) } @{$res->json->{recovery_codes}};
    is(signin(code => totp($secret))->json->{aal}, '2', 'a code is enough');
    is(signin(passkey => $key->get(asked()))->json->{aal}, '2',
       'so is a passkey');
    is(signin(code => $recovery[0])->json->{aal}, '2',
       'so is a recovery code');
    is($writer->api(\%strong, POST => 'factors/totp/remove')->code, 204,
       'without the app');
    is(signin(code => $recovery[1])->json->{aal}, '2',
       'the recovery codes stay');
    is(whole(signin()), $wrong, 'and the password is not enough');

    my $codes = $writer->api(\%strong, POST => 'factors/codes')
                       ->json->{recovery_codes};

    canary($_) for @$codes;
    is(scalar(@$codes), 10, 'new ones');
    is($writer->api(\%me, POST => 'factors/codes')->json->{code}, 'step_up',
       '... for who has proved it');
    is(whole(signin(code => $recovery[2])), $wrong, '... void the old');
    @recovery = @$codes;
};

subtest 'a new master key' => sub {
    my $file = "$writer->{keys}/master.key";
    my $asked = asked();
    my $line = 'k00000000:' . encode_base64(join('', map { chr(int(rand(256)))
                                                  } 1 .. 32), '');

    stop($writer->{process});
    spew($file, "$line\n" . slurp($file), 0600);
    $writer->start;
    is(signin(passkey => $key->get($asked))->code, 200,
       'what the old one has sealed and asked is good');
    is(signin(code => $recovery[9])->code, 200, 'and its recovery codes');
    is(scalar(@{listed(\%me)}), 5, 'all are listed');
    is(options(\%me)->code, 403, 'and ask for a proof');
};

subtest 'the time it takes' => sub {
    my $unknown = authenticator();
    my $case = sub {
        my $sealed = $writer->seal(signin => email => $email,
                                   password => $password, @_);

        return sub { $writer->post('/v1/signin', $sealed) };
    };

    alike('wrong',
          wrong => sub {
              $case->(passkey => $key->get(asked(),
                                           signature => $unknown->sign('x')));
          },
          other => sub { $case->(passkey => $unknown->get(asked())) },
          unknown => sub {
              $case->(passkey => $unknown->get(asked()),
                      email => 'canary-nobody@example.org');
          });
};

subtest 'at rest' => sub {
    my $sealed = sql($writer, 'SELECT count(*) FROM passkeys');

    is($sealed, 6, 'six rows');
    stop($writer->{process});

    my $bytes = slurp($writer->{database});

    ok(index($bytes, $_->[1]) < 0, "no $_->[0]")
        for ['id', $key->{id}], ['name', $name], ['id', 'eddsa' x 5],
            ['key', substr($key->{pk}->export_key_raw('public'), 1, 32)];

    # a row of somebody else, put in the place of mine
    sql($writer, "UPDATE passkeys SET sealed = (SELECT sealed FROM passkeys"
        . " WHERE hex(user) = upper('" . ($stranger->{user} =~ s/-//gr)
        . "')) WHERE lower(hex(substr(mark, 1, 8))) = '"
        . listed_id($key) . "'");
    $writer->start;
    is(signin(passkey => $key->get(asked()))->code, 503,
       'a row that was moved lets nobody in');
};


# The id of the API, from what the writer says of the first.
sub listed_id {
    my ($one) = @_;

    return sql($writer, 'SELECT lower(hex(substr(mark, 1, 8))) FROM passkeys'
               . " WHERE lower(hex(user)) = '" . ($ids->{user} =~ s/-//gr)
               . "' ORDER BY created_ms, mark LIMIT 1");
}


subtest 'lost' => sub {
    my ($status, $text) = $writer->command('',
        qw(account passkeys remove --email), $email);

    is($status, 0, 'an operator removes them') or diag($text);
    is(signin()->json->{aal}, '1', 'the password is enough');
    is(signin(code => $recovery[0])->json->{aal}, '1',
       'a recovery code is nothing');
    is(sql($writer, 'SELECT count(*) FROM recovery_codes'), 10,
       'those of the other account are left');
    is(sql($writer, 'SELECT count(*) FROM ends'), 1,
       'the sessions are to end');
    ($status, $text) = $writer->command('',
        qw(account passkeys remove --email), $email);
    like($text, qr/no_factor/, 'it says when there is none');
};

subtest 'removed' => sub {
    my $one = authenticator();

    is(add(\%me, $one->create(options(\%me)->json))->code, 201,
       'enrolled anew');

    my $id = listed(\%me)->[0]{id};
    my $remove = sub {
        return $writer->api($_[0], POST => "factors/passkeys/$id/remove");
    };

    is($remove->(\%me)->json->{code}, 'step_up', 'not for the password alone');
    is($remove->({ %them, aal => 2 })->code, 404, 'not by somebody else');
    is($remove->({ %strong, role => 'staff' })->code, 204, 'by whose it is');
    is($remove->(\%strong)->code, 404, 'once');
    is(signin()->json->{aal}, '1', 'the password is enough again');
    is(sql($writer, 'SELECT count(*) FROM recovery_codes'), 10,
       'its recovery codes are gone');
    is(whole(signin(password => "$password.",
                    passkey => $one->get(asked()))), $wrong, 'it is nothing');
};

subtest 'in the log of the business' => sub {
    my $seen = log_of(\%me);

    ok($seen->{$_}, $_) for qw(passkey.added passkey.removed passkey.copied
                               signin.passkey signin.refused signin.recovery
                               step_up.passkey step_up.refused);
};

subtest 'those of before' => sub {
    my $old = Keepers::Writer->new;

    $old->command('', 'migrate');

    my $one = $old->account(business => 'Old', role => 'owner',
                            email => $email, password => $password);
    my %it = (%$one, role => 'owner', aal => 2);

    $old->start;

    my $secret = canary($old->api(\%it, POST => 'factors/totp')
                            ->json->{secret});

    totp_calm();

    my $codes = $old->api(\%it, POST => 'factors/totp/confirm', '{"code":"'
                          . totp($secret) . '"}')->json->{recovery_codes};

    canary($_) for @$codes;
    stop($old->{process});

    # as the step before has left it
    sql($old, "PRAGMA foreign_keys=OFF; PRAGMA writable_schema=OFF;"
        . " CREATE TABLE was (user BLOB NOT NULL REFERENCES factors (user)"
        . " ON DELETE CASCADE, hash BLOB NOT NULL, used_ms INTEGER NOT NULL"
        . " DEFAULT 0, PRIMARY KEY (user, hash)) STRICT, WITHOUT ROWID;"
        . " INSERT INTO was SELECT user, hash, used_ms FROM recovery_codes;"
        . " DROP TABLE recovery_codes; ALTER TABLE was RENAME TO"
        . " recovery_codes; DROP TABLE passkeys; DROP TABLE challenges;");
    $old->as_of(8);
    sql($old, 'PRAGMA user_version=7');
    $old->start;
    is($old->post('/v1/signin', $old->seal(signin => email => $email,
           password => $password, code => $codes->[3]))->json->{aal}, '2',
       'a recovery code of before the step is good');
    is($old->items(\%it, 'factors')->[0]{recovery_codes}, 9, 'nine are left');
};

# What nginx adds: the fields of the forms, the session that comes of it, what
# is behind a fresh second factor.
subtest 'through nginx' => sub {
    my $p = start_platform(limits => 'off');
    my $here = authenticator(rp => 'localhost',
                             origin => "http://localhost:$p->{nginx}{port}");
    my $ua = sign_in($p);
    my $api = sub {
        my ($who, $method, $path, $data) = @_;

        return $who->start($who->build_tx($method => "$p->{url}/api/v1/$path"
            => { Origin => $p->{url}, Accept => 'application/json' }
            => ($data ? (json => $data) : ())))->res;
    };
    my $ask = sub { ua()->get("$p->{url}/signin/challenge")->res };
    my $in = sub {
        my (%field) = @_;
        my $new = ua();
        my $res = $new->post("$p->{url}/signin" => { Origin => $p->{url} }
            => form => { email => $p->{owner_email},
                         password => $p->{owner_password}, %field })->res;

        return ($res->code, $new, $res);
    };

    is($ask->()->code, 200, 'a challenge without a session');
    is($ask->()->headers->header('Cache-Control'), 'no-store', 'not kept');
    is(ua()->get("$p->{url}/signin/$_.js")->res->code, 200, "the script $_")
        for qw(passkey proof);

    my $page = ua()->get("$p->{url}/signin")->res;

    like($page->headers->header('Content-Security-Policy'),
         qr/^default-src 'none';.*script-src 'self'; connect-src 'self'$/,
         'which the page may run');
    unlike(ua()->get($p->{link_url})->res->headers
               ->header('Content-Security-Policy'), qr/script/,
           'and a page without one may not');

    my $options = $api->($ua, POST => 'factors/passkeys/options')->json;
    my $made = $api->($ua, POST => 'factors/passkeys',
        { name => 'Mine', passkey => $here->create($options) });

    is($made->code, 201, 'enrolled under a fresh session');
    canary($_) for @{$made->json->{recovery_codes}};
    is(($in->())[0], 401, 'then the password is not enough');
    is(($in->(passkey => 'x' x 2561))[0], 401, 'nor junk that is too long');

    my ($status, $strong) = $in->(passkey => $here->get($ask->()->json));

    is($status, 303, 'with the passkey it is');
    is($api->($strong, POST => 'factors/codes')->code, 200,
       'a session of two factors');
    is(decode_json($api->($ua, POST => 'factors/codes')->body)->{code},
       'step_up', 'the first one is none');

    my $challenge = $api->($ua, GET => 'factors/passkeys/challenge')->json;
    my $up = $ua->post("$p->{url}/step-up" => { Origin => $p->{url} }
        => json => { passkey => $here->get($challenge) })->res;

    is($up->code, 204, 'a step-up with it');
    is($api->($ua, POST => 'factors/codes')->code, 200, 'makes it one');

    my $text = $here->get($ask->()->json);
    my %code;

    my $many = ua()->max_connections(64)->request_timeout(120)
                   ->inactivity_timeout(120);

    Mojo::Promise->all(map {
        $many->post_p("$p->{url}/signin" => { Origin => $p->{url} }
            => form => { email => $p->{owner_email}, passkey => $text,
                         password => $p->{owner_password} })
            ->then(sub { $code{$_[0]->res->code}++ })
    } 1 .. 30)->wait;

    is($code{303}, 1, 'thirty with one answer: one');

    my $id = $api->($strong, GET => 'factors')->json->{items}[0]{id};

    is($api->(ua(), POST => "factors/passkeys/$id/remove")->code, 401,
       'without a session none is removed');
    is($api->($strong, POST => "factors/passkeys/$id/remove")->code, 204,
       'under a fresh one of two factors it is');
    is(($in->())[0], 303, 'the password is enough again');
};

done_testing();
