#!/usr/bin/perl

# Copyright (C) Keepers

# The writer's command line, with a writer that runs and without one, and what
# it says of a sign-in.

use strict;
use warnings;

use Fcntl qw(:flock);
use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::UNIX;
use Keepers::Test;
use Keepers::Writer;
use Mojo::Promise;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $redis = start_redis();
my $writer = Keepers::Writer->new('redis.socket' => $redis->{socket},
                                  'argon2.queue' => 4, 'argon2.threads' => 1);
my $password = canary('canary-correct-horse');
my $email = 'canary-owner@example.org';
my $ids;


sub signin {
    my (%field) = @_;

    return $writer->post('/v1/signin', $writer->seal(signin => %field));
}


sub fails {
    my ($input, $command, $word, $name) = @_;
    my ($status, $text) = $writer->command($input, @$command);

    isnt($status, 0, $name);
    like($text, $word, '... and says so');
    return;
}


sub works {
    my ($input, $command, $name) = @_;
    my ($status, $text) = $writer->command($input, @$command);

    is($status, 0, $name) or diag($text);
    return $text;
}


# A key of Redis, as soon as it is so.
sub published {
    my ($slug, $there) = @_;

    return wait_for {
        redis_cli($redis, 'EXISTS', "keepers:link:$slug") eq $there
    };
}


subtest 'keys' => sub {
    my $dir = $writer->{keys};
    my %key = map { $_ => slurp("$dir/$_") }
              qw(edge.keys shared.keys master.key writer.key writer.pub);
    my ($status, $text) = Keepers::Writer::keygen($dir);

    for my $name (sort keys %key) {
        like($key{$name}, $name =~ /^writer/ ? qr{^[\w+/]{43}=\n\z}
                          : qr{^k[0-9a-f]{8}:[\w+/]{43}=\n\z}, $name);
        is((stat("$dir/$name"))[2] & 07777,
           $name eq 'writer.pub' ? 0644 : 0600, '... and who may read it');
    }

    is(substr($key{'shared.keys'}, 0, 10), substr($key{'edge.keys'}, 0, 10),
       'edge and shared ring have one id');
    isnt($key{'shared.keys'}, $key{'edge.keys'}, 'but not one key');
    is($status, 1, 'they are made once');
    like($text, qr/is there already/, '... and it says why');
    is(slurp("$dir/$_"), $key{$_}, "$_ is as it was") for sort keys %key;
};

subtest 'configuration' => sub {
    works('', ['check-config'], 'a good one');

    local $ENV{KEEPERS_WRITER_ARGON2_QUEUE} = 'many';
    fails('', ['check-config'], qr/\[argon2\] queue/, 'one that is wrong');

    my $good = slurp($writer->{config});

    delete $ENV{KEEPERS_WRITER_ARGON2_QUEUE};
    spew($writer->{config}, "$good\n[writer]\nsokcet=x\n");
    fails('', ['check-config'], qr/sokcet is no setting/, 'a misspelling');
    spew($writer->{config}, $good);
    chmod(0640, "$writer->{keys}/master.key");
    fails('', ['check-config'], qr/chmod 600/, 'a key that others can read');
    chmod(0600, "$writer->{keys}/master.key");
    is((run_writer('', 'serve'))[0], 2, 'it is called otherwise');
    is(($writer->command('', 'account'))[0], 2, 'than with half a command');
    is(($writer->command('', qw(account add --colour red)))[0], 2,
       'or an option of another');
};

subtest 'without a running writer' => sub {
    works('', ['migrate'], 'a new store');
    works('', ['migrate'], 'that is up to date');
    $ids = $writer->account(business => 'Tea', role => 'owner',
                            email => $email, password => $password);
    works('', [qw(link add --slug early --offer Tea --business),
               $ids->{business}], 'a link');
    fails("$password\n", [qw(account add --business B --role owner --email),
          uc($email)], qr/email_taken/, 'an address has one account');
    fails("$password\n", [qw(account add --business B --role owner --email),
          'canary-x@'], qr/email: syntax/, 'and is one');
    fails("$_\n", [qw(account add --business B --role owner --email),
          'canary-y@example.org'], qr/of 8 characters to 256 bytes/,
          'and a password') for '', 'short', 'x' x 257;
    fails("$password\n", [qw(account add --role owner --email
          canary-y@example.org --business-id), '0' x 8 . '-0000-7000-8000-'
          . '0' x 12], qr/business: unknown/, 'of a business that there is');
};

$writer->start;

subtest 'one writer' => sub {
    my ($status, $text) = $writer->command('');

    is($status, 1, 'a second one does not start');
    like($text, qr/another writer has/, 'and says why');
    is($writer->get('/healthz')->body, '{"status":"ok"}', 'the first serves');
    ok(wait_for { $writer->get('/readyz')->code == 200 }, 'and is ready');
    is((stat($writer->{socket}))[2] & 07777, 0660, 'who may speak to it');
};

subtest 'signing in' => sub {
    my %right = (email => $email, password => $password);
    my $res = signin(%right);

    is($res->code, 200, 'the right password');
    is($res->body, qq({"user":"$ids->{user}","business":"$ids->{business}",)
                   . '"role":"owner","aal":"1"}', 'says who this is');
    is(signin(%right, email => uc($email))->code, 200, 'in any spelling');

    my $wrong = signin(%right, password => "$password.");
    my $unknown = signin(%right, email => 'canary-nobody@example.org');

    is($wrong->code, 401, 'a wrong one');
    is($wrong->json->{code}, 'credentials', '... and no more');
    is($unknown->build_start_line . $unknown->body,
       $wrong->build_start_line . $wrong->body,
       'an unknown address is answered alike');
    is(signin(%right, email => $_)->body, $wrong->body, "so is \"$_\"")
        for 'x', 'a@b@c';
    is(signin(%right, asked_ms => int(time() * 1000) + $_)->code, 400,
       "not one of $_ ms") for -31000, 60000;
};

# keycloak#14084: a queue for one added five seconds to everybody.
subtest 'too many at once' => sub {
    my $sealed = $writer->seal(signin => email => $email, password => 'wrong');
    my %codes;

    Mojo::Promise->all(map {
        $writer->post_p('/v1/signin', $sealed)->then(sub {
            my $res = $_[0]->res;

            $codes{$res->code . ' ' . ($res->headers->header('Retry-After')
                                       // '')}++;
        })
    } 1 .. 40)->wait;

    is(join(', ', sort keys %codes), '401 , 503 1',
       'some are answered, the others come again');
    is(signin(email => $email, password => $password)->code, 200,
       'and then it goes on');
};

subtest 'with a running writer' => sub {
    my $staff = $writer->account('business-id' => $ids->{business},
                                 email => 'canary-staff@example.org',
                                 role => 'staff', password => $password);

    is($staff->{business}, $ids->{business}, 'an account');
    is(signin(email => 'canary-staff@example.org', password => $password)
           ->json->{role}, 'staff', 'that signs in at once');
    works("$password-2\n", [qw(account password --email), $email],
          'a new password');
    is(signin(email => $email, password => "$password-2")->code, 200, 'opens');
    is(signin(email => $email, password => $password)->code, 401,
       'the old one no more');
    fails("$password\n", [qw(account password --email canary-no@example.org)],
          qr/email.*unknown/, 'not of nobody');
    works('', ['migrate'], 'nothing to migrate');
    works('', [qw(link add --slug late --offer Tea --business),
               $ids->{business}], 'a link');
    is(works('', [qw(link list --business), $ids->{business}], 'and both')
           =~ s/Tea//gr, "late open 0 \nearly open 0 \n", 'are listed');
};

subtest 'which link' => sub {
    my $long = 'l' x 64;

    works('', [qw(link add --offer Tea --business), $ids->{business},
               '--slug', $long], 'a long one');
    fails('', [qw(link delete --slug), "${long}x"], qr/is no slug/,
          'is not meant by a longer one');
    fails('', [qw(link close --slug), $_], qr/is no slug/, "nor by \"$_\"")
        for '', 'a/b', '../late', "a\r\nb";
    fails('', [qw(link close)], qr/--slug/, 'nor by none');
    fails('', [qw(link close --slug nowhere)], qr/not_found/,
          'nor one that is not there');
    ok(published($long, 1), 'it is still there');
};

subtest 'in Redis' => sub {
    ok(published($_, 1), "$_ is published") for qw(early late);
    works('', [qw(link delete --slug late)], 'deleted');
    ok(published('late', 0), 'and gone');
    redis_cli($redis, 'FLUSHALL');
    ok(published('early', 1), 'an empty Redis is filled again');
    ok(wait_for { redis_cli($redis, 'EXISTS', 'keepers:links:mark') },
       'to the end');
    is(redis_cli($redis, 'EXISTS', 'keepers:link:late'), 0,
       'with what there is');

    redis_cli($redis, 'DEL', 'keepers:link:early');
    works('', [qw(link close --slug early)], 'a change');
    stop($writer->{process});
    is(redis_cli($redis, 'EXISTS', 'keepers:link:early'), 1,
       'just before the end is not lost');
    $writer->start;
};

subtest 'while Redis is away' => sub {
    kill_hard($redis);
    ok(wait_for { $writer->get('/readyz')->code == 503 }, 'it is not ready');
    is($writer->get('/readyz')->json->{part}, 'redis', 'and says why');

    sleep(4);                       # until it tries every two seconds
    works('', [qw(link open --slug early)], 'a link changes');
    works('', [qw(link add --slug away --offer Tea --business),
               $ids->{business}], 'another is made');

    my $before = cpu($writer->{process});

    sleep(2);
    cmp_ok(cpu($writer->{process}) - $before, '<', 0.5,
           'what waits does not keep a processor busy');
    restart($redis);
    ok(published('away', 1), 'and is there when Redis is');
    ok(wait_for { $writer->get('/readyz')->code == 200 }, 'it is ready again');
};

stop($writer->{process});

subtest 'an operator\'s proof' => sub {
    my ($proof, $body) = overheard();
    my $ask = sub {
        my ($path, $proof, $other) = @_;

        return $writer->{ua}->post($writer->url("/v1/admin/links/$path")
            => { 'Keepers-Admin' => $proof } => $other // $body)->res->code;
    };

    $writer->start;
    like($proof, qr/^\d{13}\.[0-9a-f]{64}$/, 'is a time and a MAC');
    is($ask->('early/close', $proof), 401, 'opens nothing else');
    is($ask->('away/open', $proof), 401, 'nor elsewhere');
    is($ask->('early/open', $proof =~ s/^(\d{12})\d/${1}x/r), 401,
       'has a time');
    is($ask->('early/open', $proof =~ s/^(\d{12})(\d)/$1 . (9 - $2)/er),
       401, 'that is its own');
    is($ask->('early/open', $_), 401, 'and nothing else will do')
        for '', '.', '0', '0.0', $proof . '0';
    is($ask->('early/open', $proof, '{}'), 401, 'nor with another body');
    is($ask->('early/open', $proof), 204, 'but for what it is');
};

subtest 'the end' => sub {
    stop($writer->{process});
    is($writer->{process}{status}, 0, 'in order');
    ok(!-e $writer->{socket}, 'the socket is gone');
    is(scalar(logs(qr/level=error event=(?!redis )/)), 0, 'without an error');
};

done_testing();


# Seconds of processor time.
sub cpu {
    my ($process) = @_;
    my @stat = split(/ /, slurp("/proc/$process->{pid}/stat") =~ s/.*\) //r);

    return ($stat[11] + $stat[12]) / 100;
}


# The proof that "link open" sends to who seems to be the running writer.
sub overheard {
    open(my $lock, '>>', "$writer->{database}.lock") or die("lock: $!\n");
    flock($lock, LOCK_EX) or die("lock: $!\n");
    unlink($writer->{socket});

    my $server = IO::Socket::UNIX->new(Local => $writer->{socket}, Listen => 1)
        or die("listen: $!\n");
    my $pid = fork() // die("fork: $!\n");

    if ($pid == 0) {
        my ($status) = $writer->command('', qw(link open --slug early));
        POSIX::_exit($status);
    }

    my $client = $server->accept;
    my $request = '';

    sysread($client, $request, 4096, length($request)) or last
        while $request !~ /\}$/;
    print $client "HTTP/1.1 204 No Content\r\n\r\n";
    close($client);
    waitpid($pid, 0);
    is($?, 0, 'goes to who listens');
    unlink($writer->{socket});

    return $request =~ /^Keepers-Admin: (\S+).*?\r\n\r\n(.*)/ms ? ($1, $2) : ();
}
