#!/usr/bin/perl

# Copyright (C) Keepers

# What an operator changes while people are served: nginx itself, the place of
# Redis, the size of the zone, the whole of what is ours taken out and put back.
# No check fails, nobody is signed out, and who signs out is out in all of them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Askers;
use Keepers::Test;
use Test::More;
use Time::HiRes qw(sleep);


my $p = start_platform(limits => 'off');
my $port = free_port();
my $dir = work_dir() . '/upgraded';
my $password = "user=edge password_file=$p->{dir}/keys/redis-edge.password";

my $ours = <<"END" . <<'END';
    keepers_zone            2m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} $password;
    keepers_redis_timeout   2s;
    keepers_redis_connect_timeout 2s;
    keepers_session_cookie  keepers insecure;

    server {
        listen 127.0.0.1:$port;
END
        root   %%DIR%%/html;

        location /page {
            keepers_session required;
        }

        location /signout {
            keepers_session optional;
            keepers_signout;
        }

        location = /status {
            keepers_status prometheus;
        }
    }
END

my $others = <<"END";
    server {
        listen 127.0.0.1:$port;
        return 204;
    }
END

my $cookie = token();
my $nginx = daemon($ours);


sub token {
    my ($value) = map { $_->value } grep { $_->name eq 'keepers' }
                  @{sign_in($p)->cookie_jar->all};

    return $value;
}


# nginx takes USR2 and WINCH only as a daemon.
sub daemon {
    my ($text) = @_;

    mkdir($_) for $dir, "$dir/html";
    spew("$dir/html/page", 'MARKER', 0644);
    configure($text);

    my $binary = $ENV{KEEPERS_NGINX} // '/usr/sbin/nginx';
    my $words = qx('$binary' -p '$dir' -e '$dir/error.log' -c '$dir/nginx.conf' 2>&1);

    $? == 0 or die("nginx did not start: $words\n");
    wait_for { slurp("$dir/nginx.pid") && listens($port) };

    my $process = { name => 'nginx', pid => slurp("$dir/nginx.pid") + 0,
                    log => "$dir/error.log" };

    # its group is ended with the test, whoever is master of it by then
    push(@Keepers::Process::started, $process);
    wait_for { workers($process) };
    return { pid => $process->{pid} };
}


sub configure {
    my ($text) = @_;
    my $file = Keepers::Test::nginx_conf($text, $dir, $port);

    # a new binary has of the environment what is named
    return spew($file, slurp($file) =~ s{^daemon off;}
                {daemon on; env ASAN_OPTIONS; env UBSAN_OPTIONS;}mr, 0644);
}


sub listens { return Keepers::Process::listens(@_) }


sub code {
    my ($value) = @_;

    return ua()->get("http://127.0.0.1:$port/page",
                     { Cookie => "keepers=$value" })->res->code // 0;
}


sub sign_out {
    my ($value) = @_;
    my $url = "http://127.0.0.1:$port";

    return ua()->post("$url/signout" => { Origin => $url,
                                          Cookie => "keepers=$value" })
        ->res->code;
}


sub askers {
    return Keepers::Askers->new(
        peer => "127.0.0.1:$port", clients => 3, rate => 200,
        request => "GET /page HTTP/1.1\r\nHost: x\r\n"
                   . "Cookie: keepers=$cookie\r\nConnection: close\r\n\r\n");
}


sub all_well {
    my ($askers, $why) = @_;
    my ($asked, %failed) = $askers->stop;

    cmp_ok($asked, '>', 20, "asked meanwhile: $asked");
    return is(join(' ', map { "$_: $failed{$_}" } sort keys %failed), '', $why);
}


# Sessions that end while workers of two masters serve: neither knows them.
sub ended {
    my @ended = map { token() } 1 .. 3;

    code($_) for @ended, @ended, @ended;

    my @out = map { sign_out($_) } @ended;
    my $in = sub { return grep { code($_) != 401 } @ended, @ended, @ended };

    is("@out", '303 303 303', 'three sign out');

    # a revocation is heard within 250 ms, on a machine with time for it
    ok((wait_for { $in->() == 0 } 5), 'and are soon out everywhere');

    return is(scalar($in->()), 0, 'for good');
}


sub status {
    my ($name) = @_;
    my $text = ua()->get("http://127.0.0.1:$port/status")->res->body;

    return $text =~ /^\Q$name\E (\d+)/m ? $1 : undef;
}


is(code($cookie), 200, 'a session');

# lua-resty-session#194, lua-resty-session#196: each process had other MACs;
# authelia#9004: sessions were lost by an upgrade.
subtest 'another binary' => sub {
    my $old = $nginx->{pid};
    my $askers = askers();

    sleep(0.2);
    kill('USR2', $old);

    ok((wait_for { slurp("$dir/nginx.pid.oldbin")
                   && slurp("$dir/nginx.pid") =~ /^\d+$/m
                   && slurp("$dir/nginx.pid") != $old }), 'a second master');

    my $new = { pid => slurp("$dir/nginx.pid") + 0 };

    ok((wait_for { workers($new) }), 'with workers');
    ended();

    # the new one is not good enough: back to the old one
    kill('WINCH', $old);
    ok((wait_for { workers($nginx) == 1 }), 'workers of the old one leave');
    ended();
    kill('HUP', $old);
    ok((wait_for { workers($nginx) > 1 }), 'and are called back');
    ended();
    kill('WINCH', $old);
    ok((wait_for { workers($nginx) == 1 }), 'and leave');
    kill('QUIT', $old);
    ok((wait_for { !kill(0, $old) }), 'and their master');

    $nginx = $new;
    all_well($askers, 'no check has failed');
    is(code($cookie), 200, 'nobody was signed out');

    my $hits = 'keepers_cache_total{result="hit"}';
    my $before = status($hits);

    code($cookie) for 1 .. 5;
    cmp_ok(status($hits) - $before, '>', 0, 'the new zone remembers');
    is(status('keepers_sessions_forged_total'), 0, 'and nothing else');
};

subtest 'Redis at another place' => sub {
    my $other = free_port();
    my $askers = askers();

    is(redis_cli($p->{redis}, 'CONFIG', 'SET', 'port', $other), 'OK',
       'it listens there too');

    for my $place ("127.0.0.1:$other", "unix:$p->{redis_socket}") {
        configure($ours =~ s/keepers_redis \s+ \K\S+/$place/xr);
        ok(reload($nginx), "nginx goes to $place") or last;
        is(code($cookie), 200, 'and serves');
    }

    all_well($askers, 'no check has failed');
    redis_cli($p->{redis}, 'CONFIG', 'SET', 'port', 0);
};

subtest 'another Redis' => sub {
    my $empty = start_redis();

    configure($ours =~ s/keepers_redis \s+ \K[^;]+/unix:$empty->{socket}/xr);
    ok(reload($nginx), 'an empty one');

    # what the zone knows it knows for two seconds
    ok((wait_for { code($cookie) == 401 }), 'knows nobody');
    configure($ours);
    ok(reload($nginx), 'the one before');
    ok((wait_for { code($cookie) == 200 }), 'knows all');
};

subtest 'zones of other sizes' => sub {
    my $askers = askers();

    for my $size (qw(4m 1m 2m)) {
        configure($ours =~ s/keepers_zone \s+ \K\w+/$size/xr);
        ok(reload($nginx), $size);
    }

    all_well($askers, 'no check has failed');
    ended();
};

# nchan 02df0bae, 4894af7e: a reload that adds or removes "http"; nchan#268: the
# second reload of a module that is loaded dynamically; lua-nginx-module#1632,
# stream-lua#36, apisix-helm#350: a zone that is lost or refused.
subtest 'ours taken out and put back' => sub {
    my %without = (
        'no line of ours' => sub { $_[0] },
        'no module of ours' => sub { $_[0] =~ s/^load_module.*\n//mr },
        'no "http"' => sub { $_[0] =~ s/^http \{.*//msr },
    );

    for my $round (1, 2) {
        for my $what (sort keys %without) {
            my $file = configure($others);

            spew($file, $without{$what}->(slurp($file)), 0644);
            ok(reload($nginx), $what);

            is(ua()->get("http://127.0.0.1:$port/")->res->code, 204,
               'the others are served') if $what !~ /http/;

            configure($ours);
            ok(reload($nginx), 'back again');
            ok((wait_for { code($cookie) == 200 }), 'nobody was signed out');
        }
    }

    ended();
};

kill('QUIT', $nginx->{pid});
ok((wait_for { !kill(0, $nginx->{pid}) }), 'nginx leaves');

done_testing();
