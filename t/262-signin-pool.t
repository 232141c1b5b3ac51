#!/usr/bin/perl

# Copyright (C) Keepers

# Hashing passwords takes so many threads, so much memory and a queue of 64,
# whoever leaves meanwhile and whatever a stored hash asks for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::UNIX;
use Keepers::Test;
use Keepers::Writer;
use Test::More;

my $QUEUE = 64;
my $MIB = 1024;

# Threads and queue are those of a host who says nothing of them.
my $writer = Keepers::Writer->new;
my $password = canary('canary-correct-horse');
my %user;


# An account whose hash takes as much.
sub account {
    my ($name, $memory_kib, $passes) = @_;

    local $ENV{KEEPERS_WRITER_ARGON2_MEMORY_KIB} = $memory_kib;
    local $ENV{KEEPERS_WRITER_ARGON2_PASSES} = $passes;

    $user{$name} = $writer->account(business => 'Tea', role => 'owner',
        email => "canary-$name\@example.org", password => $password)->{user};
    return;
}


account('quick', 8192, 1);
account('wide', 65536, 1);
account('slow', 65536, 8);
account('dear', 65536, 16);        # as much as a stored hash may cost
account("broken-$_", 8192, 1) for 1 .. 15;
$writer->start;


sub sealed {
    my ($name, $wrong) = @_;

    return $writer->seal(signin => email => "canary-$name\@example.org",
                         password => $password . ($wrong // ''));
}


sub signin { return $writer->post('/v1/signin', sealed(@_)) }


# A client that has asked.
sub asks {
    my ($bytes) = @_;
    my $client = IO::Socket::UNIX->new($writer->{socket})
        or die("connect: $!\n");

    $client->syswrite(join("\r\n", 'POST /v1/signin HTTP/1.1', 'Host: x',
        'Content-Type: application/octet-stream', 'Connection: close',
        'Content-Length: ' . length($bytes), '', $bytes));
    return $client;
}


# What clients are answered, in the order in which it comes.
sub answers {
    my $select = IO::Select->new(@_);
    my (%text, @answers);

    while ($select->count) {
        my @ready = $select->can_read(30) or die("no answer\n");

        for my $client (@ready) {
            next if $client->sysread($text{$client}, 8192,
                                     length($text{$client} // ''));
            $select->remove($client);

            my ($code) = $text{$client} =~ m{^HTTP/1\.1 (\d+)};
            my $later = $text{$client} =~ /^Retry-After: \d/m;

            push(@answers, ($code // 'none') . ($later ? ' later' : ''));
        }
    }

    return @answers;
}


sub memory_kib {
    my ($what) = @_;

    return slurp("/proc/$writer->{process}{pid}/status")
               =~ /^$what:\s+(\d+) kB/m ? $1 : 0;
}


# Both threads are at work for half a second or so, and their clients are here.
sub occupied {
    my $before = memory_kib('VmRSS');
    my @clients = map { asks($_) } (sealed('slow', '.')) x 2;

    ok(wait_for { memory_kib('VmRSS') > $before + 100 * $MIB },
       'two hashes are under way') or die;
    return @clients;
}


# What is true while both threads are at work; a machine that stands still may
# have missed it.
sub while_occupied {
    my ($look) = @_;
    my $right;

    for (1 .. 3) {
        $right = $look->(occupied()) and last;
    }

    return $right;
}


# As many wait as the queue has room for, and more are refused before anything
# else is answered.
sub full {
    my ($more) = @_;
    my $bytes = sealed('quick', '.');

    return while_occupied(sub {
        my @busy = @_;
        my @answers = answers(map { asks($bytes) } 1 .. $QUEUE + $more);
        my $waited = grep { $_ eq '401' } @answers;
        my $first = grep { $_ eq '503 later' } @answers[0 .. $more - 1];

        note("$waited waited, the first $first were refused");
        return join(' ', answers(@busy)) eq '401 401' && $waited == $QUEUE
               && $first == $more;
    });
}


subtest 'the queue of a host who says nothing of it' => sub {
    ok(full(10), '64 wait, more are told at once to come again');
    is(signin('quick')->code, 200, 'and then it goes on');
};

# It is the hashes that have the places, not who has asked for them.
subtest 'who leaves while the password is hashed' => sub {
    my ($wrong, $right) = (sealed('quick', '.'), sealed('quick'));

    ok(while_occupied(sub {
        close($_) for @_;
        close(asks($wrong)) for 1 .. 300;

        return join('', answers(asks($right))) eq '503 later';
    }), 'makes no room');

    ok(wait_for { signin('quick')->code == 200 }, 'until it is hashed');
    ok(full(1), 'and then there is as much as before');
};

subtest 'how many at a time' => sub {
    restart($writer->{process});
    is(signin('quick')->code, 200, 'the writer is up');

    my $before = memory_kib('VmHWM');
    my $bytes = sealed('wide', '.');
    my @clients = map { asks($bytes) } 1 .. 20;

    close($_) for splice(@clients, 0, 10);
    is(join(' ', answers(@clients)), join(' ', ('401') x 10),
       'twenty, of which half leave');

    my $most = (memory_kib('VmHWM') - $before) / $MIB;

    cmp_ok($most, '>', 60, 'take memory');
    cmp_ok($most, '<', 2 * 64 + 32, sprintf('for two: %d MiB', $most));
};


# Seconds of processor time that the writer takes for some sign-ins.
sub cost_s {
    my ($bytes) = @_;
    my $taken_s = sub {
        my $ns = 0;

        $ns += (split(' ', slurp($_)))[0]
            for glob("/proc/$writer->{process}{pid}/task/*/schedstat");
        return $ns / 1e9;
    };
    my $before_s = $taken_s->();

    $writer->post('/v1/signin', $bytes) for 1 .. 10;
    return $taken_s->() - $before_s;
}


sub stored {
    my ($name) = @_;

    return sql($writer, "SELECT password FROM accounts WHERE hex(uuid) = upper('"
                        . $user{$name} =~ s/-//gr . "')");
}


# Changes what is stored for these accounts, each by its own function.
sub store {
    my (%change) = @_;

    stop($writer->{process});

    for my $name (sort keys %change) {
        my $text = $change{$name}->(local $_ = stored($name));

        sql($writer, "UPDATE accounts SET password = '$text' WHERE hex(uuid) ="
                     . " upper('" . $user{$name} =~ s/-//gr . "')");
    }

    $writer->start;
    return;
}


sub refusals { return scalar(logs(qr/level=error event=stored_hash /)) }


subtest 'a stored hash that asks for too much' => sub {
    my @broken = (
        'memory of 4 GB' => sub { s/m=8192/m=4194304/r },
        'a little too much memory' => sub { s/m=8192/m=262145/r },
        'passes for days' => sub { s/t=1/t=4294967295/r },
        'one pass too many' => sub { s/t=1/t=129/r },
        'more than there are numbers' => sub { s/m=8192/m=99999999999999999999/r },
        'lanes' => sub { s/p=1/p=16777215/r },
        'no memory' => sub { s/m=8192/m=0/r },
        'another function' => sub { s/argon2id/argon2i/r },
        'another version' => sub { s/v=19/v=16/r },
        'half of it' => sub { substr($_, 0, 60) },
        'no passes' => sub { s/t=1/t=0/r },
        'a byte less' => sub { s/..$//r },
        'a byte more' => sub { $_ . 'AA' },
        'what is no base64' => sub { s/.$/!/r },
        'nothing' => sub { '' },
    );
    my $wrong = signin('quick', '.')->body;
    my $wrong_s = cost_s(sealed('quick', '.'));

    is(signin("broken-$_")->code, 200, "before, $_ is let in") for 1, 15;
    store(map { ("broken-$_" => $broken[2 * $_ - 1]) } 1 .. 15);

    my $before = memory_kib('VmHWM');

    for my $i (1 .. 15) {
        my $said = refusals();
        my $res = signin("broken-$i");

        is($res->code, 401, "$broken[2 * $i - 2]: is not let in");
        is($res->body, $wrong, '... by the answer to a wrong password');
        is(refusals(), $said + 1, '... and the log says so');
    }

    my $broken_s = cost_s(sealed('broken-1'));

    cmp_ok($broken_s, '>', $wrong_s / 3, '... after as much work');
    cmp_ok($broken_s, '<', $wrong_s * 3, '... and no more');
    ok(alive($writer->{process}), 'the writer lives');
    cmp_ok(memory_kib('VmHWM'), '<', $before + 64 * $MIB,
           'on little memory');
    is(scalar(logs(join('|', values %user))), 0, 'the log names nobody');

    my ($status) = $writer->command("$password-2\n", qw(account password
        --email canary-broken-1@example.org));

    is($status, 0, 'a new password');
    is(signin('broken-1', '-2')->code, 200, 'mends it');
    is(signin('dear')->code, 200, 'what is dear, but not too dear, is good');
};

subtest 'no memory for a hash' => sub {
    my $limit = sub {
        system('prlimit', "--pid=$writer->{process}{pid}", "--as=$_[0]:") == 0
            or die("prlimit\n");
    };

    $limit->((memory_kib('VmSize') + 40 * $MIB) * 1024);

    my $wide = signin('wide');

    is($wide->code, 503, 'is not a wrong password');
    ok(logs(qr/level=error event=memory what=argon2/), 'and in the log');
    is(signin('quick')->code, 200, 'who needs less gets in');
    $limit->('unlimited');
    is(signin('wide')->code, 200, 'and all, when there is enough');
};

done_testing();
