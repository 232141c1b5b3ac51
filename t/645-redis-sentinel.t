#!/usr/bin/perl

# Copyright (C) Keepers

# Redis Sentinel: the master is killed under load, and another takes over.
# Requests fail for no longer than that and three seconds; nobody is signed
# out, a session of before is one afterwards; who comes back as a replica is
# left alone.  The writer follows too.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Sentinel;
use Keepers::Test;
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep time);


my @port = (free_port(), free_port());
my ($sentinels, $first, $second, $admin);

# The platform's own Redis is the replica of another, which is there first.
my $p = start_platform(limits => 'off', conf => sub {
    my ($nginx_conf) = @_;
    my ($dir) = $nginx_conf =~ m{(.*)/conf/nginx\.conf$};
    my $conf = "$dir/conf";

    chomp($admin = slurp("$dir/keys/redis-admin.password"));

    my $common = "bind 127.0.0.1\nappendfsync everysec\n"
               . "masteruser admin\nmasterauth $admin\n";

    $first = start_redis(auth => $admin, conf => $common
                         . "port $port[0]\naclfile $conf/users.acl\n");
    spew("$conf/redis.conf", slurp("$conf/redis.conf") . $common
         . "port $port[1]\nreplicaof 127.0.0.1 $port[0]\n");

    $sentinels = Keepers::Sentinel->new($port[0], auth => $admin);

    my $address = $sentinels->address;

    spew("$conf/keepers.conf", slurp("$conf/keepers.conf")
         =~ s/^keepers_redis  \S+/keepers_redis  $address/mr);
    spew("$conf/writer.ini", slurp("$conf/writer.ini")
         =~ s/^\[redis\]\nsocket=.*/[redis]\n@{[$address =~ s{:}{=}r]}/mr);
});

$second = $p->{redis};

# nothing is known by heart: each page asks Redis
my $nginx = start_nginx(<<"END" . <<'END');
    keepers_zone                   2m;
    keepers_key_file               $p->{dir}/keys/edge.keys;
    keepers_redis                  ${\ $sentinels->address} user=edge
                                   password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout          500ms;
    keepers_redis_connect_timeout  500ms;
    keepers_session_cookie         keepers insecure;
    keepers_session_cache          0;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            keepers_session     required;
            keepers_signin_url  /signin;
            alias               %%DIR%%/html/;
        }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/index.html", "ok\n", 0644);

my $session = sign_in($p);
my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
               @{$session->cookie_jar->all};


sub page {
    return ua()->get("$nginx->{url}/" => { Cookie => "keepers=$cookie" })
               ->res;
}


# Pages, eight at once, until the condition holds for a second: a list of
# [time, status, or "cookie" for one that was set].  Each on a connection of its
# own, for a reload ends those that are kept alive, with a request on its way.
sub load {
    my ($enough, $most_s) = @_;
    my $until = time() + $most_s;
    my $ua = ua()->max_connections(16);
    my (@seen, $one, $last);

    $last = 0;

    my $timer = Mojo::IOLoop->recurring(0.2 => sub {
        $until = time() + 1 if !$last && $enough->() && ($last = 1);
    });

    $one = sub {
        return Mojo::Promise->resolve if time() > $until;

        return $ua->get_p("$nginx->{url}/"
            => { Cookie => "keepers=$cookie", 'Sec-Fetch-Mode' => 'navigate',
                 Accept => 'text/html', Connection => 'close' })->then(sub {
            my $res = $_[0]->res;

            push(@seen, [time(), $res->headers->header('Set-Cookie')
                                 ? 'cookie' : $res->code]);
        }, sub { push(@seen, [time(), 'cut off']) })->then(sub {
            return Mojo::Promise->timer(0.02);
        })->then($one);
    };

    Mojo::Promise->all(map { $one->() } 1 .. 8)->wait;
    Mojo::IOLoop->remove($timer);
    return @seen;
}


sub codes {
    my %n;

    $n{$_->[1]}++ for @_;
    return join(' ', sort keys %n);
}


# Clients of ours that a server has, by user.
sub clients {
    my ($redis, $user) = @_;

    return scalar grep { / user=$user / }
                  split(/\n/, redis_cli($redis, qw(client list)));
}


sub role { return (split(/\n/, redis_cli($_[0], 'role')))[0] // '' }


# Kills the master, with pages under way, and something else half way.
sub fail_over {
    my ($from, $to, $meanwhile) = @_;
    my $killed;
    my $before = $sentinels->switched;

    ok($sentinels->settled, 'the Sentinels know of a replica');
    redis_cli($from, qw(wait 1 5000));

    Mojo::IOLoop->timer(0.5 => sub {
        kill_hard($from);
        $killed = time();
    });
    Mojo::IOLoop->timer(1.2 => $meanwhile) if $meanwhile;

    my @seen = load(sub { $sentinels->switched > $before
                          && page()->code == 200 }, 40);
    my $switched = $sentinels->switched;
    my @failed = map { $_->[0] } grep { $_->[1] ne '200' } @seen;

    cmp_ok($switched, '>', $before, 'another server is made master');
    is(role($to), 'master', 'and is one');
    cmp_ok(scalar(grep { $_->[1] eq '200' && $_->[0] < $killed } @seen), '>',
           10, 'pages were served before');
    cmp_ok(scalar(grep { $_->[1] eq '200' && $_->[0] > $switched } @seen), '>',
           10, 'and are after');
    is(codes(@seen), '200 503', 'a page, or "try again": nobody is signed out');
    cmp_ok(($failed[-1] // 0) - $switched, '<', 3,
           'requests fail for the fail-over and less than three seconds');
    diag(sprintf('killed %.1f s before the switch, failed until %.1f s after',
                 $switched - $killed, $failed[-1] - $switched));
    is(page()->code, 200, 'the session of before is valid');
    return;
}


# A link that is made after it, and that is served: by way of the new master.
sub writes {
    my ($slug) = @_;
    my ($business) = slurp("$p->{dir}/owner.env") =~ /^BUSINESS=(.*)/m;
    my ($status) = operator($p, '', qw(link add --business), $business,
                            '--slug', $slug, '--offer', 'A cup');

    is($status, 0, 'a link is made');
    ok(wait_for { ua()->get("$p->{url}/l/$slug")->res->code == 200 },
       'and served: the writer has told the new master');
    return;
}


# That a session ends is heard by way of the new master too.
sub ends {
    my ($master) = @_;
    my $mine = sign_in($p);
    my ($ended) = map { $_->value } grep { $_->name eq 'keepers' }
                  @{$mine->cookie_jar->all};

    is(ua()->get("$nginx->{url}/" => { Cookie => "keepers=$ended" })
         ->res->code, 200, 'a new session');
    is($mine->post("$p->{url}/signout" => { Origin => $p->{url} })->res->code,
       303, 'which ends');
    is(ua()->get("$nginx->{url}/" => { Cookie => "keepers=$ended" })
         ->res->code, 401, 'and has ended');
    ok(wait_for { 2 <= grep { / user=edge / }
                  split(/\n/, redis_cli($master, qw(client list type pubsub)))
       }, 'the subscriptions have followed');
    return;
}


ok(wait_for { page()->code == 200 }, 'a page by way of Sentinel');
ok(wait_for { clients($first, 'edge') >= 4 },
   'commands and subscriptions of two nginx are at the master');
is(clients($second, 'edge') + clients($second, 'writer'), 0,
   'nobody is at the replica');

subtest 'the master is killed' => sub {
    fail_over($first, $second);
    writes('after-one');
    ends($second);
};

subtest 'the old one comes back as a replica' => sub {
    restart($first);
    ok((wait_for { role($first) eq 'slave' } 30), 'it is one');

    my %before = redis_cli($first, qw(info commandstats))
                 =~ /^cmdstat_(\w+):calls=(\d+)/mg;

    is(codes(load(sub { 1 }, 2)), '200', 'pages go on');
    is(clients($first, 'edge') + clients($first, 'writer'), 0,
       'nobody is at it');

    my %after = redis_cli($first, qw(info commandstats))
                =~ /^cmdstat_(\w+):calls=(\d+)/mg;

    is($after{$_} // 0, $before{$_} // 0, "nor was: $_")
        for qw(mget evalsha set);
};

subtest 'killed again, and reloaded meanwhile' => sub {
    fail_over($second, $first, sub { kill('HUP', $nginx->{pid}) });
    writes('after-two');
    ends($first);
};

subtest 'a master that is told to be a replica' => sub {
    restart($second);
    ok((wait_for { role($second) eq 'slave' } 30), 'the other is back');
    ok($sentinels->settled, 'as a replica that follows');
    redis_cli($first, qw(wait 1 5000));

    my $before = $sentinels->switched;

    $sentinels->ask(0, qw(failover main));

    my @seen = load(sub { $sentinels->switched > $before
                          && page()->code == 200 }, 40);

    unlike(codes(@seen), qr/401|303|cookie|cut/, 'nobody is signed out');
    is(role($second), 'master', 'the other is master');
    ok(wait_for { clients($first, 'edge') == 0 }, 'and all go there');
    writes('after-three');
};

subtest 'a replica had not been told of a link' => sub {
    redis_cli($second, qw(del keepers:link:after-three));
    redis_cli($second, qw(client kill user writer));
    ok((wait_for { redis_cli($second, qw(exists keepers:link:after-three)) }),
       'it is published once more, to whom the writer finds next');
};

subtest 'all Sentinels are away' => sub {
    stop($_) for $sentinels->processes;
    is(codes(load(sub { 1 }, 5)), '200', 'whoever is connected stays so');

    reload($nginx);
    is(page()->code, 503, 'new workers do not know where to go');
    restart($_) for $sentinels->processes;
    ok((wait_for { page()->code == 200 }), 'and learn it when they are back');
};

my @lines = grep { /keepers: Redis/ }
            split(/^/m, slurp($nginx->{error_log}));

like($lines[0], qr/Redis "sentinel:main\@[^"]*" is lost: /,
     'the log says that it was lost') or diag(@lines);
ok((grep { /is back/ } @lines), 'and is back');

done_testing();
