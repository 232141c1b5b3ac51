#!/usr/bin/perl

# Copyright (C) Keepers

# Workers are killed while they write to the shared zone: the others go on,
# nobody gets another's session, and what a dead one left half written is
# taken back.

# (nchan 1.3.1: what a dead worker had shared stayed wrong.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Keepers::Zone;
use MIME::Base64 qw(decode_base64url);
use Mojo::Promise;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);


my $p = start_platform(limits => 'off');

sub serve {
    my ($cache) = @_;

    return start_nginx(<<"END" . <<'END');
    keepers_zone            1m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout   1s;
    keepers_session_cookie  keepers insecure;
    keepers_session_cache   $cache;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location = /who {
            keepers_session  required;
            try_files        /none @who;
        }

        location @who {
            return 200 "$keepers_user";
        }

        location = /status {
            keepers_status  json;
        }
    }
END
}

my $nginx = serve('1ms');

allow_log(qr/exited on signal 9/);

my $ua = ua()->max_connections(0);
my (%token, %answers);

# the owner's sessions: the same user, other tokens; and a second user
for my $i (1 .. 6) {
    my $client = sign_in($p);
    my ($value) = map { $_->value } grep { $_->name eq 'keepers' }
                  @{$client->cookie_jar->all};

    $token{$value} = ua()->get("$nginx->{url}/who"
                     => { Cookie => "keepers=$value" })->res->body;
}

my ($user) = values %token;

like($user, qr/^[0-9a-f-]{36}$/, 'a user');


sub load {
    my ($seconds) = @_;
    my $until = time() + $seconds;
    my @values = keys %token;
    my $go;

    $go = sub {
        return Mojo::Promise->resolve if time() > $until;

        my $value = $values[rand(@values)];

        return $ua->get_p("$nginx->{url}/who"
                          => { Cookie => "keepers=$value" })->then(sub {
            my $res = $_[0]->res;

            $answers{$res->code == 200 && $res->body eq $token{$value}
                     ? 'right' : $res->code}++;
        }, sub { $answers{'cut off'}++ })->then($go);
    };

    Mojo::Promise->all(map { $go->() } 1 .. 16)->wait;
    return;
}


for (1 .. 8) {
    my $timer = Mojo::IOLoop->timer(0.2 => sub {
        kill('KILL', (workers($nginx))[0]);
    });

    load(0.4);
}

cmp_ok($answers{right}, '>', 20, 'requests were answered');
is(join(' ', grep { !/^(right|cut off)$/ } sort keys %answers), '',
   'rightly, but for those of the killed')
    or diag(explain(\%answers));

%answers = ();
load(0.5);
is(join(' ', keys %answers), 'right', 'afterwards all is as before');


# One that is killed in the middle of it leaves a slot with an odd number, its
# own pid, and a part of what it wrote.
subtest 'a slot that is half written' => sub {
    my $keeps = serve('20s');
    my %before = map { $_ => 1 } session_keys();
    my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
                   @{sign_in($p)->cookie_jar->all};
    my ($sid) = map { /:s:([\w-]{43})$/ ? decode_base64url($1) : () }
                grep { !$before{$_} } session_keys();
    my $who = sub {
        return ua()->get("$keeps->{url}/who"
                         => { Cookie => "keepers=$cookie" })->res->body;
    };

    is($who->(), $user, 'the zone has it');

    my $zone = zone_open($keeps);
    my $slot = zone_find($zone, $sid) - 24;
    my $number = unpack('L', zone_read($zone, $slot, 4));
    my $dead = fork() // die("fork: $!\n");

    POSIX::_exit(0) if $dead == 0;
    waitpid($dead, 0);

    cmp_ok($slot, '>', 0, 'in a slot');
    is($number % 2, 0, 'that nobody writes');
    is(asks($who), "0 of 2 asked: $user $user", 'Redis is not asked');

    # the user in its record is of nobody
    zone_write($zone, $slot, pack('LL', $number + 1, $$));
    zone_write($zone, $slot + 24 + 32 + 12, "\xff" x 16);
    is(asks($who), "2 of 2 asked: $user $user",
       'while it is written, nobody reads it');

    zone_write($zone, $slot, pack('LL', $number + 1, $dead));
    is(asks($who), "1 of 2 asked: $user $user",
       'and once its writer is dead, it is taken back');
};


# A worker that was stopped in the midst of writing holds the slot while its
# session ends, and then goes on: what it writes is of before.
subtest 'an end that finds the slot busy' => sub {
    my $keeps = serve('20s');
    my %before = map { $_ => 1 } session_keys();
    my $client = sign_in($p);
    my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
                   @{$client->cookie_jar->all};
    my ($sid) = map { /:s:([\w-]{43})$/ ? decode_base64url($1) : () }
                grep { !$before{$_} } session_keys();
    my $code = sub {
        return ua()->get("$keeps->{url}/who"
                         => { Cookie => "keepers=$cookie" })->res->code;
    };
    my $heard = sub {
        return ua()->get("$keeps->{url}/status")->res->json
                   ->{keepers_revocations_total}{'result=heard'};
    };

    ok((wait_for { ua()->get("$keeps->{url}/status")->res->json
                       ->{keepers_subscribed} }), 'it listens');
    is($code->(), 200, 'the zone has it');

    my $zone = zone_open($keeps);
    my $slot = zone_find($zone, $sid) - 24;
    my $number = unpack('L', zone_read($zone, $slot, 4));
    my $ends = $heard->();

    zone_write($zone, $slot, pack('LL', $number + 1, $$));
    is($client->post("$p->{url}/signout" => { Origin => $p->{url} })->res->code,
       303, 'it ends');
    ok((wait_for { $heard->() > $ends }), 'which is heard');
    zone_write($zone, $slot, pack('LL', $number + 2, $$));
    is($code->(), 401, 'and what is written afterwards is not believed');
};


sub session_keys {
    return split(/\n/, redis_cli($p->{redis}, 'KEYS', 'keepers:*:s:*'));
}


sub mgets {
    my $text = redis_cli($p->{redis}, 'INFO', 'commandstats');

    return $text =~ /^cmdstat_mget:calls=(\d+)/m ? $1 : 0;
}


sub asks {
    my ($who) = @_;
    my $before = mgets();
    my @users = map { $who->() } 1 .. 2;

    return (mgets() - $before) . " of 2 asked: @users";
}

done_testing();
