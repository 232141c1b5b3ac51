#!/usr/bin/perl

# Copyright (C) Keepers

# Workers are killed while they write to the shared zone: the others go on,
# nobody gets another's session, and what a dead one left half written is
# taken back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep time);


my $p = start_platform(limits => 'off');

my $nginx = start_nginx(<<"END" . <<'END');
    keepers_zone            1m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout   1s;
    keepers_session_cookie  keepers insecure;
    keepers_session_cache   1ms;
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
    }
END

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

cmp_ok($answers{right}, '>', 200, 'requests were answered');
is(join(' ', grep { !/^(right|cut off)$/ } sort keys %answers), '',
   'rightly, but for those of the killed')
    or diag(explain(\%answers));

%answers = ();
load(0.5);
is(join(' ', keys %answers), 'right', 'afterwards all is as before');

done_testing();
