#!/usr/bin/perl

# Copyright (C) Keepers

# A rule that counts failures holds a place for each request while it is under
# way, and gives it back when it went well: never sooner, never twice, never
# more than was left of it.

# (lua-resty-limit-traffic d3bd8ff: one was given back to a key that had gone,
# which was stuck then.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Keepers::Test;
use Test::More;


my $redis = start_redis();

# answers when the test says so
my $upstream = IO::Socket::INET->new(Listen => 32, LocalAddr => '127.0.0.1',
                                     Proto => 'tcp') or die $!;
my $port = $upstream->sockport;

my $nginx = start_nginx(<<"END");
    keepers_zone      2m;
    keepers_key_file  %%KEYS%%/edge.keys;
    keepers_redis     unix:%%REDIS%%;

    # a busy machine is no dead Redis
    keepers_redis_timeout   2s;

    keepers_limit_rule fails  key=\$arg_who rate=3/h count=failures;
    keepers_limit_rule quick  key=\$arg_who rate=1/s burst=1 count=failures;
    keepers_limit_rule narrow key=\$arg_who rate=1/h;

    server {
        listen  127.0.0.1:%%PORT%%;
        root    %%DIR%%/html;

        location = /try   { keepers_limit fails cost=\$arg_cost;
                            try_files /\$arg_file =404; }
        location = /moved { keepers_limit fails; try_files /none \@moved; }
        location \@moved   { return 302 /; }
        location = /wait  { keepers_limit fails;
                            proxy_pass http://127.0.0.1:$port; }
        location = /quick { keepers_limit quick;
                            proxy_pass http://127.0.0.1:$port; }
        location = /now   { keepers_limit quick; try_files /none =404; }
        location = /both  { keepers_limit fails; keepers_limit narrow;
                            try_files /ok.txt =404; }
        location = /status { keepers_status; }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/ok.txt", "ok\n", 0644);

my ($address) = $nginx->{url} =~ m{//([\d.]+:\d+)};


sub get { return ua()->get("$nginx->{url}/$_[0]")->res }

sub codes {
    my ($path, $n) = @_;

    return join(' ', map { get($path)->code } 1 .. $n);
}


# A request that is under way at the upstream: both ends of it.
sub pending {
    my ($path) = @_;
    my $client = IO::Socket::INET->new(PeerAddr => $address) or die $!;

    print $client "GET /$path HTTP/1.1\r\nHost: localhost\r\n"
                  . "Connection: close\r\n\r\n";

    IO::Select->new($upstream)->can_read(10) or die 'nobody came';

    return [$client, scalar $upstream->accept];
}


sub finish {
    my ($pending, $status) = @_;
    my ($client, $server) = @$pending;

    print $server "HTTP/1.1 $status X\r\nContent-Length: 0\r\n\r\n";
    close($server);
    local $/;
    my $answer = <$client>;

    return $answer =~ m{^HTTP/1\.1 (\d+)} ? $1 : undef;
}


sub states { return grep { /:l:$_[1]$/ } split(/\n/, redis_cli($_[0],
                                                           '--scan')) }

sub ready { return get('status')->body =~ /^keepers_redis_ready 1$/m }


sub outcomes {
    my ($who) = @_;

    is(codes("try?who=$who&file=ok.txt", 8), join(' ', (200) x 8),
       'what goes well costs nothing');
    is(codes("moved?who=$who", 5), join(' ', (302) x 5), 'nor a redirect');
    is(codes("try?who=$who&file=no", 4), '404 404 404 429',
       'three failures are the budget');
    is(get("try?who=$who&file=ok.txt")->code, 429, 'of all');
    is(codes("try?who=$who-2&file=ok.txt&cost=3", 3), '200 200 200',
       'a cost is given back whole');
    is(codes("try?who=$who-2&file=no&cost=2", 2), '404 429', 'or kept whole');
    return;
}


sub in_flight {
    my ($who) = @_;
    my @pending = map { pending("wait?who=$who") } 1 .. 3;

    is(get("try?who=$who&file=ok.txt")->code, 429,
       'what is under way has its place');
    is(finish($_, 200), 200, 'it goes well') for @pending;
    ok(wait_for { get("try?who=$who&file=ok.txt")->code == 200 },
       'and who was refused meanwhile need not wait any longer');
    is(codes("try?who=$who&file=no", 4), '404 404 404 429',
       'with the whole budget, and no more');
    return;
}


sub given_up {
    my ($who) = @_;

    for (1 .. 3) {
        my $pending = pending("wait?who=$who");

        close($pending->[0]);
        IO::Select->new($pending->[1])->can_read(10);

        # until nginx has let go of it too
        while (sysread($pending->[1], my $byte, 512)) { }
    }

    is(get("try?who=$who&file=ok.txt")->code, 429,
       'a guess whose answer nobody waited for is one');
    is(finish(pending("wait?who=$who-2"), 500), 500, 'our own failures');
    is(codes("try?who=$who-2&file=no", 3), '404 404 429', 'count too');
    return;
}


ok(wait_for { ready() }, 'Redis is ready');

subtest('by Redis' => sub {
    outcomes('a');
    in_flight('b');
    given_up('c');
});

subtest('refused by another rule' => sub {
    redis_cli($redis, 'flushall');
    is(codes('both?who=d', 2), '200 429', 'the other rule refuses');
    is(scalar(states($redis, 'fails')), 0, 'and nothing stays charged here');
});

subtest('what has drained' => sub {
    my $slow = pending('quick?who=e');

    is(get('now?who=e')->code, 429, 'one place, which is taken');
    ok(wait_for { get('now?who=e')->code == 404 }, 'until it has drained');
    is(finish($slow, 200), 200, 'now it goes well');
    is(get('now?who=e')->code, 429,
       'but gives back nothing that another failure has taken');
});

subtest('without Redis' => sub {
    kill_hard($redis);
    ok(wait_for { !ready() }, 'Redis is gone');
    outcomes('f');
    in_flight('g');
    given_up('h');
});

subtest('signing in' => sub {
    my $p = start_platform();
    my %owner = (email => $p->{owner_email}, password => $p->{owner_password});
    my $post = sub {
        return ua()->post("$p->{url}/signin" => { Origin => $p->{url} }
                          => form => { %owner, @_ })->res->code;
    };
    my $counted = sub { scalar(states($p->{redis}, 'signin_network')) };

    is($post->(), 303, 'a right password') for 1 .. 2;
    ok(wait_for { $counted->() == 0 }, 'costs nothing');
    is($post->(password => 'canary-wrong-password'), 401, 'a wrong one');
    is($counted->(), 1, 'is counted');
});

done_testing();
