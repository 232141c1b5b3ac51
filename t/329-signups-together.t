#!/usr/bin/perl

# Copyright (C) Keepers

# Signups that come in one turn of a worker are decided in one call, and each of
# them as if it had come alone: its own answer, its own place in what they
# share; whoever leaves, comes twice, or costs more among them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::FakeRedis;
use Keepers::Test;
use Keepers::Together;
use Test::More;
use Time::HiRes qw(sleep time);


my $p = start_platform(limits => 'off');
my $dir = work_dir();
my $fake = Keepers::FakeRedis->new(listen => "$dir/fake.sock",
                                   real => $p->{redis_socket});
my $nginx = start_nginx(<<"END" . <<"END");
events {
    worker_connections 2048;
}

http {
    keepers_zone           2m;
    keepers_key_file       $p->{dir}/keys/edge.keys;
    keepers_writer_key     $p->{dir}/keys/writer.pub;
    keepers_redis          unix:$dir/fake.sock user=edge
                           password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout  5s;
    keepers_limit_rule     net key=\$http_net rate=1/d burst=3;
    keepers_limit_rule     shared key=\$http_shared rate=1/d burst=10;
    keepers_limit_rule     mail key=\$keepers_recipient rate=1/d burst=2;
END
    log_format  one  '\$args \$status \$keepers_limit';
    access_log  %%DIR%%/access.log one;

    server {
        listen 127.0.0.1:%%PORT%%;

        location = /status {
            keepers_status prometheus;
        }

        location ~ ^/l/([^/]+)\$ {
            keepers_link   \$1;
            keepers_limit  net at=signup;
            keepers_limit  shared at=signup;
            keepers_limit  mail;
            set            \$to unix:$p->{dir}/run/writer.sock;
            proxy_pass     http://\$to:/v1/signups;
        }

        location ~ ^/dear/([^/]+)\$ {
            keepers_link   \$1;
            keepers_limit  shared at=signup cost=3;
            keepers_limit  mail;
            set            \$to unix:$p->{dir}/run/writer.sock;
            proxy_pass     http://\$to:/v1/signups;
        }
    }
}
END
my ($path) = $p->{link_url} =~ m{(/l/[^/]+)$};
my $dear = $path =~ s{^/l/}{/dear/}r;
my $n = 0;
my $held = 0;

sub signup {
    my (%o) = @_;

    return request(delete($o{path}) // $path, %o);
}

# Five seconds after the zone got the link Redis is asked for it, and before that
# about the limits.
my $fresh_s = 0;

sub fresh {
    my $asked = sub { scalar grep { $_ eq 'GET' } $fake->seen };

    return if time() - $fresh_s < 3;

    wait_for {
        my $before = $asked->();

        ua()->get("$nginx->{url}$path");
        return $asked->() > $before;
    };
    $fresh_s = time();
}

sub at_once {
    fresh() if !$held;
    return together($nginx, @_);
}

sub calls {
    return redis_cli($p->{redis}, 'INFO', 'commandstats')
           =~ /^cmdstat_evalsha:calls=(\d+)/m ? $1 : 0;
}

# From here on the answers of scripts wait.
sub hold {
    fresh();
    $held = 1;
    $fake->mode('hold:EVALSHA');
    return;
}

sub release {
    $held = 0;
    $fake->mode('right');
    return;
}

sub asked { return scalar grep { $_ eq 'EVALSHA' } $fake->seen }

sub busy {
    return ua()->get("$nginx->{url}/status")->res->body
           =~ /^keepers_redis_errors_total\{kind="busy"\} (\d+)$/m ? $1 : -1;
}

sub stored {
    my ($email) = @_;

    return scalar grep { /^\Q$email\E$/ } map { $_->{email} }
                       @{sign_in($p)->get("$p->{url}/api/v1/customers?limit=200")
                             ->res->json->{items}};
}


ok((wait_for { ua()->get("$nginx->{url}$path")->res->code == 200 }),
   'the link is in the zone from now on');

subtest 'ten at a time' => sub {
    my $before = calls();
    my @got = answers(at_once(map { signup(Net => "n$_") } 1 .. 10));

    is(tally(@got), '10 of 202', 'are received');
    is(calls() - $before, 1, 'after one call');
};

subtest 'more than a call takes' => sub {
    my $before = calls();
    my @got = answers(at_once(map { signup(Net => "m$_") } 1 .. 40));

    is(tally(@got), '40 of 202', 'are received');
    cmp_ok(calls() - $before, '<=', 6, 'after a few');
};

subtest 'what they share' => sub {
    my @got = answers(at_once(map { signup(Shared => 'one') } 1 .. 14));

    is(tally(@got), '10 of 202 4 of 429', 'has room for ten of fourteen');
    is(join(' ', @got), join(' ', ('202') x 10, ('429') x 4),
       'for those who came first');
    is(tally(answers(at_once(signup(Shared => 'one')))), '1 of 429',
       'and for none afterwards');
};

# All or nothing, for each of them: who is refused takes no part of it.
subtest 'who is refused by one rule' => sub {
    my @got = answers(at_once(
        (map { signup(Net => 'busy', Shared => 'two') } 1 .. 6),
        (map { signup(Net => "idle$_", Shared => 'two') } 1 .. 8)));

    is(join(' ', @got), join(' ', ('202') x 3, ('429') x 3, ('202') x 7, '429'),
       'leaves its place in the other to the next');
};

subtest 'who comes twice' => sub {
    my @twice = map { signup(key => 'twice', email => 'twice@example.com',
                              Net => 'twice') } 1 .. 2;
    my @got = answers(at_once(signup(), @twice, signup()));

    is("@got[0, 3]", '202 202', 'is nothing to those beside');
    is(join(' ', sort @got[1, 2]), '202 409',
       'is told that the first is under way');
    is(tally(answers(at_once($twice[0]))), '1 of 202',
       'and then that it is done');
    is(stored('twice@example.com'), 1, 'and has joined once');

    is(join(' ', sort { $a <=> $b } answers(at_once(
           map { signup(key => 'other', email => "other$_\@example.com") }
           1 .. 2))), '202 422', 'another record under the same key is refused');
};

subtest 'the same address under two keys' => sub {
    is(tally(answers(at_once(map { signup(email => 'same@example.com') }
                              1 .. 4))), '2 of 202 2 of 429',
       'is one address');
};

subtest 'what costs more' => sub {
    my @got = answers(at_once(signup(Shared => 'cost'),
                               signup(Shared => 'cost', path => $dear),
                               signup(Shared => 'cost'),
                               map { signup(Shared => 'cost', path => $dear) }
                               1 .. 3));

    is("@got", '202 202 202 202 429 429', 'is charged more, in the same turn');
};

# Some go between their call and its answer; what they asked for is passed over,
# a refusal too.
subtest 'who leaves' => sub {
    answers(at_once(map { signup(Net => 'leave') } 1 .. 2));
    hold();

    my $asked = asked();
    my @sockets = at_once(map { signup(Net => $_ % 3 ? "stay$_" : 'leave') }
                           1 .. 12);

    ok((wait_for { $asked < asked() }), 'the call is under way');
    close($sockets[$_]) for grep { ($_ + 1) % 3 == 0 } 0 .. $#sockets;
    sleep(0.2);
    release();
    is(tally(answers(grep { $_->opened } @sockets)), '8 of 202',
       'the others get what is theirs');
    is(tally(answers(at_once(signup(Net => 'leave')))), '1 of 429',
       'and those who left are charged');
};

# A request is logged behind its answer.
sub degraded {
    my ($n) = @_;
    my $count = sub { scalar(() = slurp($nginx->{access_log})
                                  =~ / degraded$/mg) };

    wait_for { $count->() >= $n };
    return $count->();
}

is(degraded(0), 0, 'Redis has decided on all of them');

# Each in a turn of its own, or there are not enough.
sub two_calls {
    my $asked = asked();
    my ($at, @sockets);

    while (($at = asked()) < $asked + 2 && @sockets < 64) {
        push(@sockets, connection($nginx));
        $sockets[-1]->syswrite(signup(Net => 'wait' . ++$n));

        for (1 .. 20) {
            last if asked() > $at;
            sleep(0.01);
        }
    }

    return @sockets;
}

subtest 'Redis is slow' => sub {
    hold();

    my $asked = asked();
    my @sockets = two_calls();

    push(@sockets, at_once(map { signup(Net => "slow$_") } 1 .. 15));
    sleep(0.3);                     # time enough for a call
    is(asked(), $asked + 2, 'fifteen wait until one of two calls is answered');
    release();
    is(tally(answers(@sockets)), @sockets . ' of 202', 'and are asked about then');
    is(asked(), $asked + 3, 'in one call');
};

subtest 'more calls than a worker has under way' => sub {
    hold();

    my $asked = asked();
    my @sockets = two_calls();

    push(@sockets, at_once(map { signup(Net => "more$_") } 1 .. 29 * 16));
    ok((wait_for { asked() == $asked + 31 }), 'full ones go all the same');
    push(@sockets, at_once(map { signup(Net => "last$_") } 1 .. 16));
    ok((wait_for { asked() == $asked + 32 }), 'until there are 32');
    is(tally(answers(at_once(map { signup(Net => "over$_") } 1 .. 3))),
       '3 of 202', 'and the zone decides on who comes then');
    is(degraded(3), 3, 'and on nobody else');
    is(busy(), 3, 'which is counted');
    release();
    is(tally(answers(@sockets)), @sockets . ' of 202',
       'the others wait for theirs');
    is(degraded(3), 3, 'as ever');
};

# Each of them ends a call, for the next has to find what it has reserved.
subtest 'who comes forty times at once' => sub {
    my $busy = busy();
    my @many = map { signup(key => 'many', email => 'many@example.com') }
                   1 .. 40;
    my @got = answers(at_once(@many, map { signup(path => "$path?beside") }
                                          1 .. 5));

    is(tally(@got[40 .. 44]), '5 of 202', 'leaves room for others');
    cmp_ok(busy() - $busy, '>=', 1, 'and has none for himself');
    ok((wait_for { 5 == (() = slurp($nginx->{access_log})
                              =~ /^beside 202 passed$/mg) }),
       'on whom Redis has decided');
    is(stored('many@example.com'), 1, 'and has joined once');
};

subtest 'Redis fails' => sub {
    my $before = degraded(0);

    $fake->mode("to:EVALSHA:-ERR no\r\n");

    my @got = answers(at_once(map { signup(Net => "fail$_") } 1 .. 8));

    is(tally(@got), '8 of 202', 'all are received all the same');
    release();
    is(degraded($before + 8) - $before, 8, 'by the limits of the zone');

    # parts that are missing, or too many, are nobody's
    for my $said ("*0\r\n", "*3\r\n:1\r\n:1\r\n:1\r\n", ":1\r\n",
                  '*' . 40 . "\r\n" . ":1\r\n" x 40, "*1\r\n\$2\r\np:\r\n")
    {
        my $before = degraded(0);

        $fake->mode("to:EVALSHA:$said");
        @got = answers(at_once(map { signup(Net => 'odd' . ++$n) } 1 .. 5));
        release();
        is(tally(@got), '5 of 202', 'a reply of ' . ($said =~ /^(\S+)/)[0]);
        is(degraded($before + 5) - $before, 5,
           'is nobody\'s');
        ok((wait_for { ua()->get("$nginx->{url}$path")->res->code == 200 }),
           'and on it goes');
    }
};

done_testing();
