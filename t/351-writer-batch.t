#!/usr/bin/perl

# Copyright (C) Keepers

# Signups that come to the writer in one request: each is stored and answered
# for itself, whatever the others are; what is no batch stores nothing, and
# one that has no room waits outside as a whole.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::UNIX;
use IPC::Open2;
use Keepers::Test;
use Keepers::Writer;
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);


my $most = 32;                              # KEEPERS_BATCH_MAX
my $longest = 16384;                        # KEEPERS_BATCH_LEN_MAX
my $queue = 4096;                           # WRITER_COMMIT_QUEUE

my $writer = Keepers::Writer->new;
my $ids = $writer->account(business => 'Café', role => 'owner',
                           email => 'canary-owner@example.org');
my %owner = (%$ids, role => 'owner');
my ($n, $stored) = (0, 0);


# A signup that nobody has made yet, but for what is given, as an edge seals it.
sub signup {
    my (%field) = @_;

    return $writer->seal(signup => slug => 'tea', name => 'Ana',
        locale => 'en', email => 'canary-b' . ++$n . '@example.org', %field);
}


sub batch { return 'KB' . join('', map { pack('n/a*', $_) } @_) }

sub bent { my ($good) = @_; substr($good, -9, 1) ^= "\x01"; return $good }


# The status, and what is said of each or the body.
sub told {
    my ($body) = @_;
    my $res = $writer->post('/v1/signups', $body);
    my $said = $res->headers->header('Keepers-Signups');

    return $res->code . ' ' . (decode_json($res->body)->{code} // '')
        if !defined $said;
    return $res->code . " $said" . $res->body;
}


sub post {
    my ($socket, $body) = @_;

    $socket->syswrite("POST /v1/signups HTTP/1.1\r\nHost: writer\r\n"
                      . 'Content-Length: ' . length($body) . "\r\n\r\n$body");
    return $socket;
}


sub connection {
    return IO::Socket::UNIX->new(Peer => $writer->{socket})
        // die("writer: $!\n");
}


# The next answer: its code and what it says of each; '' if there is none.
sub answer {
    my ($socket, $timeout_s) = @_;
    my $until = time() + ($timeout_s // 5);
    my $text = '';

    while ((my $left = $until - time()) > 0) {
        IO::Select->new($socket)->can_read($left) or last;
        $socket->sysread($text, 65536, length($text)) or last;

        my ($head, $body) = split(/\r\n\r\n/, $text, 2);
        my ($length) = $head =~ /^Content-Length: (\d+)/mi or next;

        last if defined $body && length($body) >= $length;
    }

    my ($code) = $text =~ m{^HTTP/1\.1 (\d+)} or return '';
    my ($said) = $text =~ /^Keepers-Signups: (\S*)\r$/m;

    return defined $said ? "$code $said" : $code;
}


sub meanwhile { return $writer->held_up(@_) }


sub change {
    my (@statements) = @_;

    system('sqlite3', '-cmd', '.timeout 5000', $writer->{database},
           @statements) == 0 or die("sqlite3 failed\n");
    return;
}


sub total {
    return decode_json($writer->api(\%owner, GET => 'summary')->body)->{total};
}


sub stores {
    my ($more, $what) = @_;

    $stored += $more;
    ok(wait_for { total() == $stored }, "$what: stored") or diag(total());
    return;
}


# Frames of the log of the database that end a transaction.
sub transactions {
    my $wal = slurp("$writer->{database}-wal");
    my ($page, $salt) = (unpack('x8 N', $wal), substr($wal, 16, 8));
    my $n = 0;

    for (my $at = 32; $at < length($wal); $at += 24 + $page) {
        last if substr($wal, $at + 8, 8) ne $salt;
        $n++ if unpack('N', substr($wal, $at + 4, 4)) != 0;
    }

    return $n;
}


sub resident_kb {
    my ($kb) = slurp("/proc/$writer->{process}{pid}/status")
               =~ /^VmRSS:\s+(\d+)/m;

    return $kb;
}


for my $slug (qw(tea shut poor)) {
    my ($status, $text) = $writer->command('', qw(link add --offer Tea),
        '--business', $ids->{business}, '--slug', $slug);

    $status == 0 or die($text);
}

$writer->command('', qw(link close --slug shut));
$writer->start;
local $SIG{PIPE} = 'IGNORE';

subtest 'together' => sub {
    my $res = $writer->post('/v1/signups', batch(map { signup() } 1 .. 3));

    is($res->code, 202, 'three');
    is($res->headers->header('Keepers-Signups'), '202202202',
       'are received each');
    is($res->body, '', 'there is no more to say');
    is($res->headers->content_length, 0, 'in no body');
    is($res->headers->content_type, undef, 'which has no type');
    stores(3, 'three');

    is(told(batch(signup())), '202 202', 'one is a batch, too');
    stores(1, 'it');

    $res = $writer->post('/v1/signups', signup());
    is($res->code . $res->body, '202', 'one without a batch');
    is($res->headers->header('Keepers-Signups'), undef,
       'is answered as it always was');
    stores(1, 'it');
};

subtest 'as many as it may hold' => sub {
    my $pid = open2(my $out, my $in, 'sqlite3', $writer->{database});
    my $body = batch(map { signup() } 1 .. $most);

    # one who reads keeps the log from beginning anew
    $in->autoflush(1);
    print $in "BEGIN;\nSELECT count(*) FROM links;\n";
    <$out>;

    my $before = transactions();

    is(told($body), '202 ' . '202' x $most, 'are received each');
    is(transactions() - $before, 1, 'by one transaction');
    close($in);
    waitpid($pid, 0);
    stores($most, 'all');
};

subtest 'one that does not open' => sub {
    my $stranger = "$writer->{dir}/stranger";

    Keepers::Writer::keygen($stranger);

    is(told(batch(signup(), bent(signup()), signup())), '202 202400202',
       'a byte of it changed');
    stores(2, 'those beside it');

    is(told(batch(signup(), signup(keys => $stranger), signup())),
       '202 202400202', 'a stranger\'s');
    stores(2, 'those beside it');

    is(told(batch('K1', signup(), 'x')), '202 400202400', 'junk around it');
    stores(1, 'it');

    is(told(batch(signup(), $writer->seal(signin =>
           email => 'canary-owner@example.org', password => 'x'))),
       '202 202400', 'a sign-in');
    stores(1, 'the one beside it');

    is(told(batch(batch(signup()), signup())), '202 400202', 'a batch in one');
    stores(1, 'the one beside it');

    is(told(batch(bent(signup()), bent(signup()))), '202 400400', 'none opens');
    is(told(batch(('x') x $most)), '202 ' . '400' x $most, 'nor so many');
    stores(0, 'nothing');
};

subtest 'one that is refused' => sub {
    is(told(batch(signup(), signup(slug => 'nowhere'), signup())),
       '202 202404202', 'a link that is not there');
    stores(2, 'those beside it');

    is(told(batch(signup(), signup(slug => 'shut'), signup())),
       '202 202409202', 'one that is closed');
    stores(2, 'those beside it');

    is(told(batch(signup(name => "A\x01"), signup(), signup(name => ''))),
       '202 422202422', 'fields');
    stores(1, 'the one between them');

    is(told(batch(signup(slug => 'shut'), signup(slug => 'nowhere'), 'x')),
       '202 409404400', 'each for its reason');
    stores(0, 'nothing');
};

subtest 'the same one again' => sub {
    my $same = signup();

    is(told(batch($same, signup(), $same)), '202 202202202', 'in a batch');
    stores(2, 'it once');
    is(told(batch($same)), '202 202', 'in another');
    is($writer->post('/v1/signups', $same)->code, 202, 'and in none');
    stores(0, 'nothing more');

    my $address = 'canary-twice@example.org';

    is(told(batch(map { signup(email => $address, slug => $_) } qw(tea poor))),
       '202 202202', 'one address by two links');
    stores(1, 'one customer');
};

subtest 'no batch' => sub {
    my $good = signup();
    my $whole = batch($good, $good);
    my %bad = ('nothing in it' => 'KB',
               'cut in the last' => substr($whole, 0, -1),
               'cut in the first' => substr($whole, 0, 40),
               'cut in a length' => batch($good) . "\0",
               'an empty one' => batch($good, '', $good),
               'an empty one at the end' => batch($good, ''),
               'a byte too much' => "$whole\1",
               'one too many' => batch($good, ('x') x $most),
               'a length that lies' => "KB\xff\xff$good");
    my $socket = connection();

    for my $name (sort keys %bad) {
        is(told($bad{$name}), '400 batch', $name);
        is(answer(post($socket, $bad{$name})), '400',
           "$name: the connection goes on");
    }

    is(told('kb'), '400 envelope', 'other letters are none');
    stores(0, 'nothing');

    is(answer(post($socket, batch($good))), '202 202', 'the same when whole');
    stores(1, 'it');
};

subtest 'too long' => sub {
    my $fits = $longest - 4;
    my $good = signup();

    is(told(batch('x' x $fits)), '202 400', 'a batch may be so long');
    is(told(batch($good, 'x' x ($fits - length($good) - 2))), '202 202400',
       'and one in it a signup');
    stores(1, 'it');

    my $other = connection();

    is(answer(post(connection(), batch('x' x ($fits + 1)))), '413', 'no longer');
    is(answer(post($other, batch(signup()))), '202 202', 'others go on');
    stores(1, 'theirs');
};

subtest 'clients that leave' => sub {
    meanwhile(sub {
        post(connection(), batch(map { signup() } 1 .. 3))->close for 1 .. 5;

        my $half = connection();

        post($half, batch(signup(), 'x'));
        $half->shutdown(1);
        sleep(0.05);
        $half->close;
        sleep(0.3);
    });
    stores(5 * 3 + 1, 'what they sent');

    my $body = batch(signup(), signup());

    connection()->syswrite("POST /v1/signups HTTP/1.1\r\nHost: writer\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n" . substr($body, 0, -1))
        for 1 .. 3;
    is(told(batch(signup())), '202 202', 'the next one');
    stores(1, 'it, and not what came in part');
};

subtest 'one that the database refuses' => sub {
    change("CREATE TRIGGER poor BEFORE INSERT ON signups "
        . "WHEN NEW.link = (SELECT id FROM links WHERE slug = 'poor') "
        . "BEGIN SELECT RAISE(ABORT, 'refused'); END");

    my @poor = map { signup(slug => 'poor') } 1 .. 3;

    is(told(batch(signup(), $poor[0], signup())), '202 202503202',
       'is told to come again');
    stores(2, 'those beside it');
    is(told(batch($poor[0], signup(), 'x')), '202 503202400', 'the first');
    is(told(batch('x', signup(), $poor[0])), '202 400202503', 'the last');
    stores(2, 'those beside them');
    is(told(batch($poor[0])), '202 503', 'one alone');
    is(told(batch(@poor)), '202 503503503', 'or all');

    my @others = map { connection() } 1 .. 8;

    meanwhile(sub {
        post($_, batch(signup(), $poor[1], signup())) for @others;
        sleep(0.3);
    });
    is(join(' ', map { answer($_) } @others), join(' ', ('202 202503202') x 8),
       'several together with others');
    stores(16, 'those beside them');

    change('DROP TRIGGER poor');
    is(told(batch(@poor)), '202 202202202', 'later they are taken');
    stores(3, 'they');
};

subtest 'a database that cannot be had' => sub {
    my $socket = connection();
    my $body = batch(signup(), 'x', signup());

    meanwhile(sub {
        is(answer(post($socket, $body)), '202 503400503',
           'they are told to come again, what does not open is not');
    });
    is(answer(post($socket, $body)), '202 202400202', 'later they are taken');
    stores(2, 'they');
};

subtest 'a full queue' => sub {
    my $same = signup();
    my $full = batch(($same) x $most);
    my $rest = batch(($same) x ($most - 1));
    my $fit = int(($queue - 1) / $most);
    my @all = map { connection() } 1 .. $fit + 3;
    my ($first, $single, @rest) = map { connection() } 1 .. 4;
    my (%told, @refused);

    # answers that come while it is held are refusals
    my $refusals = sub {
        my ($want, @from) = @_;
        my $wait = IO::Select->new(@from);
        my @refused;

        while (@refused < $want && (my @ready = $wait->can_read(5))) {
            $told{answer($_)}++ for @ready;
            $wait->remove(@ready);
            push(@refused, @ready);
        }

        return @refused;
    };

    meanwhile(sub {
        # the committer has it, and waits
        post($first, $full);
        sleep(0.1);

        post($single, $same);
        sleep(0.05);
        post($_, $full) for @all;
        @refused = $refusals->(3, @all);
        is_deeply(\%told, { 503 => 3 }, 'one that has no room');

        post($_, $rest) for @rest;
        push(@refused, $refusals->(1, @rest));
        is_deeply(\%told, { 503 => 4 }, 'less may have');
    });

    my %left = map { $_ => $_ } $first, $single, @all, @rest;

    delete @left{@refused};
    %told = ();
    $told{answer($_)}++ for values %left;
    is_deeply(\%told, { '202' => 1, '202 ' . '202' x $most => $fit + 1,
                        '202 ' . '202' x ($most - 1) => 1 },
              'all others are received');

    post($_, $full) for @refused;
    is(join(' ', map { answer($_) } @refused),
       join(' ', ('202 ' . '202' x $most) x 4), 'later it is taken');
    stores(1, 'one');
};

subtest 'what is kept in memory' => sub {
    plan(skip_all => 'a sanitizer keeps what is freed')
        if ($ENV{KEEPERS_WRITER} // '') =~ /asan/;

    my $good = signup();
    my $body = batch($good, bent($good), ($good) x 10, 'x');
    my $want = '202 202400' . '202' x 10 . '400';
    my @sockets = map { connection() } 1 .. 20;
    my $wrong = 0;
    my $rounds = sub {
        for (1 .. $_[0]) {
            post($_, $body) for @sockets;
            $wrong += answer($_) ne $want for @sockets;
        }

        return resident_kb();
    };

    my $before = $rounds->(20);
    my $after = $rounds->(150);

    is($wrong, 0, 'thousands of batches');
    cmp_ok($after, '<', $before + 1024, "leave nothing: $before, $after KB");
    stores(1, 'one');
};

subtest 'an end in order' => sub {
    my @sockets = map { connection() } 1 .. 3;

    meanwhile(sub {
        post($_, batch(signup(), 'x', signup())) for @sockets;
        sleep(0.2);
        kill('TERM', $writer->{process}{pid});
        ok(wait_for { logs('event=stopping') }, 'is asked for');
    });

    is(join(' ', map { answer($_) } @sockets), join(' ', ('202 202400202') x 3),
       'what is under way is answered');
    ok(wait_for { !alive($writer->{process}) }, 'then it ends');
    is(scalar(logs('event=stopping busy=3')), 1, 'it had three to wait for');

    restart($writer->{process});
    stores(6, 'they');
};

done_testing();
