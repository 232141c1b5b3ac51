#!/usr/bin/perl

# Copyright (C) Keepers

# What has gone wrong elsewhere, beside sessions (900), and that no other file
# tries; and that each row of docs/internals/bugs-of-others.md names a test which
# names the bug.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Test::More;


my $root = $Keepers::Test::root;
my $p = start_platform();

sub conf {
    my ($server) = @_;

    return <<"END";
    keepers_zone                   2m;
    keepers_key_file               $p->{dir}/keys/edge.keys;
    keepers_writer_key             $p->{dir}/keys/writer.pub;
    keepers_redis                  unix:$p->{redis_socket} user=edge
                                   password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout          2s;
    keepers_redis_connect_timeout  2s;
    keepers_session_cookie         keepers insecure;
    keepers_session_cache          0;

    server {
        listen 127.0.0.1:%%PORT%%;
        root   %%DIR%%/html;
        $server

        location /page {
            keepers_session required;
        }

        location = /signin {
            keepers_signin /asks;
        }

        location = /asks {
            internal;
            proxy_pass http://unix:$p->{writer_socket}:/v1/signin;
        }

        location /sessions {
            keepers_session  required;
            keepers_sessions;
        }
    }
END
}


sub serve {
    my $nginx = start_nginx(conf($_[0] // ''));

    mkdir("$nginx->{dir}/html");
    spew("$nginx->{dir}/html/page", 'MARKER', 0644);
    return $nginx;
}


sub token {
    my ($ua) = @_;
    my ($value) = map { $_->value } grep { $_->name eq 'keepers' }
                  @{$ua->cookie_jar->all};

    return canary($value);
}


sub get {
    my ($nginx, $path, $token) = @_;

    return ua()->get("$nginx->{url}$path", { Cookie => "keepers=$token" })
        ->res;
}


# Signs in by another nginx than the platform's.
sub sign_in_by {
    my ($nginx) = @_;

    return token(sign_in({ url => $nginx->{url},
                           owner_email => $p->{owner_email},
                           owner_password => $p->{owner_password} }));
}


# lua-resty-session, redis/common.lua: the index of a user's sessions got the
# life of the session that was saved last, and those that live for longer were
# in it no more: "sign out everywhere" would miss them.
subtest 'a short session beside a long one' => sub {
    my $long = serve();
    my $short = serve("keepers_session_absolute 60s;\n"
                      . 'keepers_session_idle 60s;');
    my ($first, $then) = (sign_in_by($long), sign_in_by($short));
    my ($index) = grep { /:x$/ } split(/\n/, redis_cli($p->{redis}, 'KEYS',
                                                       'keepers:*:x'));

    cmp_ok(redis_cli($p->{redis}, 'PTTL', $index), '>', 11 * 3600 * 1000,
           'the index lives as long as the long one');
    is(scalar(@{decode_json(get($long, '/sessions', $first)->body)->{items}}),
       2, 'both are listed');

    is(ua()->delete("$long->{url}/sessions/all"
                    => { Cookie => "keepers=$then",
                         'Sec-Fetch-Site' => 'same-origin' })->res->code, 204,
       'one of them ends all');
    is(get($long, '/page', $_)->code, 401, 'it has ended') for $first, $then;
    stop($_, 'QUIT') for $long, $short;
};

# keycloak#44474: who reached the most sessions that one may have was counted as
# one who does not know the password.  (The rule lets twenty fail.)
subtest 'a cap on sessions is no failure' => sub {
    my @tokens = map { token(sign_in($p)) } 1 .. 26;

    is(scalar(@tokens), 26, 'each of these sign-ins is one');
    is(ua()->get("$p->{url}/api/v1/summary"
                 => { Cookie => "keepers=$tokens[-1]" })->res->code, 200,
       'and the last is a session');
};

# nchan#200: Redis has no memory left when nginx starts.
subtest 'a Redis that is full from the start' => sub {
    my $token = token(sign_in($p));

    redis_cli($p->{redis}, qw(CONFIG SET maxmemory 1));

    my $nginx = serve();
    my $worker = join(' ', workers($nginx));
    my $code = get($nginx, '/page', $token)->code;

    ok($code == 200 || $code == 503, "a page is $code, and nobody signed out");
    isnt(ua()->post("$nginx->{url}/signin" => { Origin => $nginx->{url} }
                    => form => { email => $p->{owner_email},
                                 password => $p->{owner_password} })
         ->res->code, 303, 'nobody signs in who is not stored');

    redis_cli($p->{redis}, qw(CONFIG SET maxmemory 0));
    ok((wait_for { get($nginx, '/page', $token)->code == 200 }),
       'with memory it is served');
    is(join(' ', workers($nginx)), $worker, 'by the same worker');
    stop($nginx, 'QUIT');
};

# nchan#683, #714: it crashed when it was started, or stopped, while Redis was
# being connected to.
subtest 'a Redis that says nothing at the start' => sub {
    my $token = token(sign_in($p));

    pause($p->{redis});

    my $nginx = serve();
    my $worker = join(' ', workers($nginx));

    # while it greets: a reload, which starts others and stops these
    ok(reload($nginx), 'reloaded meanwhile');

    my $leaves = serve();

    ok(stop($leaves, 'QUIT'), 'another one leaves');
    resume($p->{redis});
    isnt(join(' ', workers($nginx)), $worker, 'other workers');
    ok((wait_for { get($nginx, '/page', $token)->code == 200 }), 'serve');
    stop($nginx, 'QUIT');
};

# solana-private-channels#247: a client that left gave the place of its password
# back, which was being hashed still; so all memory went.
subtest 'who leaves does not make room' => sub {
    my ($pid) = $p->{writer}{pid};
    my $kb = sub {
        return (slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m)[0];
    };
    my $body = 'email=nobody@example.com&password=wrong';
    my $nginx = serve();

    # what a hash takes it has taken by now
    my $before = $kb->();

    for (1 .. 12) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $nginx->{port}) or next;

        print $socket "POST /signin HTTP/1.1\r\nHost: localhost\r\n"
            . "Origin: http://localhost\r\nContent-Length: " . length($body) . "\r\n"
            . "Content-Type: application/x-www-form-urlencoded\r\n\r\n$body";
        close($socket);
    }

    ok(sign_in_by($nginx), 'who stays signs in');
    cmp_ok($kb->() - $before, '<', 3 * 65536,
           sprintf('with %d kB more at most', $kb->() - $before));
    stop($nginx, 'QUIT');
};

# The rows say "source | test"; the test has to name the source.
subtest 'the table' => sub {
    my $text = slurp("$root/docs/internals/bugs-of-others.md");
    my @rows = grep { /^\| / && !/^\| source/ } split(/\n/, $text);

    cmp_ok(scalar(@rows), '>', 40, 'has rows');

    for my $row (@rows) {
        my ($sources, $tests) = $row =~ /^\| (.+?) \| .* \| (.+?) \|$/
            or die("a row: $row\n");

        for my $file ($tests =~ /`([^`]+)`/g) {
            # a comment may be broken between any two words
            my $said = slurp("$root/$file") =~ s/\n *[#*]? */ /gr;
            my @missing = grep { index($said, $_) < 0 }
                          split(/, /, $sources);

            is("@missing", '', "$file names $sources");
        }
    }
};

done_testing();
