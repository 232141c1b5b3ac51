#!/usr/bin/perl

# Copyright (C) Keepers

# A session is used, replaced and signed out at the same time, on two nodes with
# two workers each, in a thousand orders, or ended from another one, or by a new
# sign-in: once that was answered, neither it nor what has replaced it opens
# anything.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Keepers::Test;
use List::Util qw(shuffle);
use Test::More;
use Time::HiRes qw(time);


my $seed = $ENV{KEEPERS_SEED} // time();

srand($seed);
note("KEEPERS_SEED=$seed");

my $rounds = 50;
my $sessions = 20;

my $redis = start_redis();

# Who is asked for is in a header, so that nothing here takes its time.
my $writer = start_nginx(<<'END');
    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            default_type  application/json;
            return        200 '{"user":"$http_x_user","business":"0190f5e8-9a7b-7c3d-8e4f-0a1b2c3d4e5f","role":"owner","aal":"1"}';
        }
    }
END

# one asks Redis each time, the other has its zone
my @nodes = map { start_nginx(<<"END") } '0', '2s';
worker_processes 2;

events {
    worker_connections 1024;
}

http {
    access_log  off;

    keepers_zone            2m;
    keepers_key_file        %%KEYS%%/edge.keys;
    keepers_writer_key      %%KEYS%%/writer.pub;
    keepers_redis           unix:%%REDIS%%;
    keepers_redis_timeout   2s;
    keepers_session_cookie  keepers insecure;
    keepers_session_cache   $_;

    server {
        listen 127.0.0.1:%%PORT%% reuseport;

        location = /page {
            keepers_session  required;
            try_files        /none \@shown;
        }

        location \@shown {
            return 200 "shown";
        }

        location = /step-up {
            keepers_session  required;
            keepers_step_up  /_keepers/who;
        }

        location = /signin {
            keepers_page    %%ROOT%%/conf/pages/signin.html;
            keepers_signin  /_keepers/who;
        }

        location = /_keepers/who {
            internal;
            proxy_pass $writer->{url};
        }

        location = /signout {
            keepers_session  optional;
            keepers_signout;
        }

        location /sessions {
            keepers_session  required;
            keepers_sessions;
        }

        location = /status {
            keepers_status;
        }
    }
}
END

my %what = (
    use => 'GET /page', replace => 'POST /step-up', end => 'POST /signout',
    begin => 'POST /signin', others => 'DELETE /sessions',
);
my %body = (replace => '{"password":"x"}',
            begin => '{"email":"a@b.example","password":"x"}');

ok(wait_for { ua()->get("$_->{url}/status")->res->body
              =~ /^keepers_redis_ready 1$/m }, 'Redis is ready') for @nodes;


# The status and the cookie of each of many requests that are all under way.
sub at_once {
    my (@requests) = @_;
    my $select = IO::Select->new();
    my %of;

    for my $request (@requests) {
        my $socket = IO::Socket::INET->new("127.0.0.1:$request->{node}{port}")
            or die("connect: $!\n");

        $of{$socket} = $request;
        $request->{socket} = $socket;
        $request->{answer} = '';
        $select->add($socket);
    }

    for my $request (shuffle(@requests)) {
        my $body = $body{$request->{do}} // '';

        syswrite($request->{socket}, join("\r\n",
            "$what{$request->{do}} HTTP/1.0", 'Host: x', 'Origin: http://x',
            'Content-Type: application/json', "X-User: $request->{user}",
            'Content-Length: ' . length($body),
            ($request->{token} ? "Cookie: keepers=$request->{token}" : ()),
            '', $body));
    }

    my $until = time() + 60;

    while ($select->count && time() < $until) {
        for my $socket ($select->can_read(1)) {
            my $request = $of{$socket};

            next if sysread($socket, $request->{answer}, 65536,
                            length($request->{answer}));
            $select->remove($socket);
        }
    }

    for my $request (@requests) {
        delete($request->{socket});
        ($request->{status}) = $request->{answer} =~ /\A\S+ (\d+)/;
        $request->{status} //= 'none';
        ($request->{cookie}) = $request->{answer}
                               =~ /^Set-Cookie: keepers=(v1\.[\w-]{54});/m;
    }

    return;
}


sub token_request {
    my ($do, $token, $node, $user) = @_;

    return { do => $do, token => $token, user => $user,
             node => $node // $nodes[rand(2)] };
}


# How each of what was ended is answered where it should be 401, and the other
# way round.
sub unexpected {
    my (@after) = @_;

    at_once(@after);

    return map { "$_->{status}, not $_->{expected}" }
           grep { $_->{status} != $_->{expected} } @after;
}


my ($n, $users) = (0, 0);
my (%count, @faults);
my $began = time();

for my $round (1 .. $rounds) {
    my @began = map {
        token_request('begin', undef, undef,
                      sprintf('0190f5e8-9a7b-7c3d-8e4f-%012x', ++$users))
    } 1 .. $sessions;

    at_once(@began);

    my @all;

    for my $session (@began) {
        my $token = $session->{cookie} or die("no sign-in: $session->{answer}");
        my $user = $session->{user};

        $session->{do_all} = [
            (map { token_request('use', $token, $_, $user) } @nodes),
            token_request('replace', $token, undef, $user),
            token_request('end', $token, undef, $user),
            map { token_request((qw(use replace end))[rand(3)], $token, undef,
                                $user) } 1 .. rand(3)
        ];
        push(@all, @{$session->{do_all}});
        canary($token) if !$n++;
    }

    at_once(@all);

    # all of them once more, and what has replaced them
    my @after;

    for my $session (@began) {
        my @did = @{$session->{do_all}};
        my @new = map { $_->{cookie} // () } grep { $_->{do} eq 'replace' } @did;

        $session->{new} = \@new;
        $session->{after} = [
            map { token_request('use', $session->{cookie}, $_,
                                $session->{user}) } @nodes
        ];
        $session->{after_new} = [
            map { my $token = $_;
                  map { token_request('use', $token, $_, $session->{user}) }
                      @nodes } @new
        ];
        push(@after, @{$session->{after}}, @{$session->{after_new}});

        for my $request (@did) {
            $count{"$request->{do} $request->{status}"}++;
            push(@faults, "$round: $request->{do}: $request->{status}")
                if $request->{status} !~ /^(?:200|204|303|401|409)$/;
        }

        push(@faults, "$round: replaced " . @new . ' times') if @new > 1;
    }

    at_once(@after);

    for my $session (@began) {
        my $ended = grep { $_->{do} eq 'end' && $_->{status} == 303 }
                         @{$session->{do_all}};

        push(@faults, "$round: a sign-out was not answered") if !$ended;
        push(@faults, "$round: the old one opens: "
                      . join(' ', map { $_->{status} } @{$session->{after}}))
            if grep { $_->{status} == 200 } @{$session->{after}};
        push(@faults, "$round: what has replaced it lives on")
            if grep { $_->{status} == 200 } @{$session->{after_new}};
    }
}

is(scalar(() = redis_cli($redis, 'KEYS', 'keepers:*:s:*') =~ /keepers/g), 0,
   'Redis has nothing of any of them');

# From another session, all others are ended while they are replaced.  What is
# left in Redis is who has replaced whom, for the day a stolen token is used.
my $others = 0;

for my $round (1 .. 10) {
    my @began = map {
        my $user = sprintf('0190f5e8-9a7b-7c3d-8e4f-%012x', ++$users);

        map { token_request('begin', undef, undef, $user) } 1 .. 2;
    } 1 .. $sessions;
    my (@all, @after);

    at_once(@began);

    while (my ($one, $other) = splice(@began, 0, 2)) {
        my @did = map { token_request($_->[0], $_->[1]{cookie}, undef,
                                      $one->{user}) }
                  ['replace', $one], ['others', $other];

        push(@all, [$one, $other, @did]);
    }

    at_once(map { @$_[2, 3] } @all);

    for my $case (@all) {
        my ($one, $other, $replace, $end) = @$case;

        push(@faults, "$round: others: $end->{status}")
            if $end->{status} != 204;
        push(@after, map { my ($token, $status) = @$_;
                           map { { %{token_request('use', $token, $_,
                                                   $one->{user})},
                                   expected => $status } } @nodes }
                     [$one->{cookie}, 401], [$other->{cookie}, 200],
                     map { [$_, 401] } $replace->{cookie} // ());
        $others++ if $replace->{cookie};
    }

    push(@faults, map { "$round: others: $_" } unexpected(@after));
    at_once(map { token_request('end', $_->[1]{cookie}, undef,
                                $_->[1]{user}) } @all);
}

# Its owner signs in again while it is replaced.  Nobody waits for the end of
# what the browser came with, so it may take a moment.
my $again = 0;

for my $round (1 .. 10) {
    my @began = map {
        token_request('begin', undef, undef,
                      sprintf('0190f5e8-9a7b-7c3d-8e4f-%012x', ++$users))
    } 1 .. $sessions;
    my (@all, @after, @left);

    at_once(@began);

    @all = map { my $one = $_;
                 [$one, map { token_request($_, $one->{cookie}, undef,
                                            $one->{user}) } qw(replace begin)] }
           @began;

    at_once(map { @$_[1, 2] } @all);

    for my $case (@all) {
        my ($one, $replace, $begin) = @$case;

        push(@faults, "$round: again: $begin->{status}")
            if $begin->{status} != 303;
        push(@after, map { my ($token, $status) = @$_;
                           map { { %{token_request('use', $token, $_,
                                                   $one->{user})},
                                   expected => $status } } @nodes }
                     [$one->{cookie}, 401], [$begin->{cookie}, 200],
                     map { [$_, 401] } $replace->{cookie} // ());
        $again++ if $replace->{cookie};
    }

    wait_for { !(@left = unexpected(@after)) };

    push(@faults, map { "$round: again: $_" } @left);
    last if @left;

    at_once(map { token_request('end', $_->[2]{cookie}, undef,
                                $_->[2]{user}) } @all);
}

note(join("\n", map { "$_: $count{$_}" } sort(keys(%count))));
note(sprintf('%.1f s', time() - $began));
is(join("\n", @faults), '', 'nothing comes back');
cmp_ok($count{'replace 204'}, '>', 50, 'many were replaced first');
cmp_ok($others, '>', 20, 'and many others');
cmp_ok($again, '>', 20, 'and many before a new sign-in');

done_testing();
