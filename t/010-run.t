#!/usr/bin/perl

# Copyright (C) Keepers

# ./build.sh run: one command brings the platform up, what dies comes back,
# nothing is left at the end, and the data are there the next time.

use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(time);

use lib "$FindBin::Bin/lib";

use Keepers::Test;

my $root = $Keepers::Test::root;
my $dir = work_dir() . '/run';
my $port = free_port();


sub start_run {
    my $pid = fork() // die("fork: $!\n");

    if ($pid == 0) {
        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>', work_dir() . '/run.log');
        open(STDERR, '>&', \*STDOUT);
        $ENV{KEEPERS_DIR} = $dir;
        $ENV{KEEPERS_PORT} = $port;
        $ENV{KEEPERS_MODULE} //= "$root/build/ngx_http_keepers_module.so";
        $ENV{KEEPERS_WRITER} //= "$root/build/keepers-writer";

        # who runs the tests in the background ignores it, and bash would too
        $SIG{INT} = 'DEFAULT';

        exec("$root/build.sh", 'run');
    }

    return $pid;
}


sub demo {
    return { slurp("$dir/demo.env") =~ /^(\w+)=(.*)$/mg };
}


sub up {
    # not the file of a run that was killed
    my $up = wait_for { my $demo = demo();
                        $demo->{NGINX_PID} && !gone_now($demo->{NGINX_PID})
                      } 60;

    ok($up, 'demo.env tells that everything answers')
        or BAIL_OUT("no demo:\n" . slurp(work_dir() . '/run.log'));
    return demo();
}


sub code {
    return ua()->get($_[0])->res->code // 0;
}


# Nobody of these is there, but for whom init has yet to collect.
sub gone_now {
    return !grep { slurp("/proc/$_/stat") =~ /\) [^Z]/ } @_;
}


sub gone {
    my @pids = @_;

    return wait_for { gone_now(@pids) };
}


# Every process whose command line names our folder.
sub ours {
    return grep { slurp("/proc/$_/cmdline") =~ /\Q$dir\E/ }
           map { m{(\d+)$} } glob('/proc/[0-9]*');
}


sub ends {
    my ($run, $signal) = @_;
    my $demo = demo();
    my @pids = (@$demo{qw(NGINX_PID REDIS_PID WRITER_PID)}, ours());

    kill($signal, $run);
    waitpid($run, 0);
    is($?, 0, "$signal: it ends well");
    ok(gone(@pids), '... with all of its processes');
    is_deeply([ours()], [], '... and leaves none');
    ok(!-e "$dir/demo.env", '... nor a demo.env that is not true');
    is_deeply([glob("$dir/run/*")], [], '... nor a socket');
    return;
}


my $run = start_run();
my $demo = up();

subtest 'the demo answers' => sub {
    my @names = qw(URL LINK_URL LINK2_URL OWNER_EMAIL OWNER_PASSWORD
                   REDIS_SOCKET REDIS_ADMIN_USER REDIS_ADMIN_PASSWORD
                   WRITER_SOCKET DATABASE NGINX_CONF NGINX_PID REDIS_PID
                   WRITER_PID ACCESS_LOG ERROR_LOG WRITER_LOG);

    ok(length($demo->{$_} // ''), "demo.env has $_") for @names;
    is((stat("$dir/demo.env"))[2] & 0777, 0600, 'demo.env is for its owner');
    is((stat($dir))[2] & 0777, 0700, 'so is the folder');

    is(code($demo->{LINK_URL}), 200, 'a link');
    is(code($demo->{LINK2_URL}), 200, 'the other link');
    is(code("$demo->{URL}/l/no-such-link"), 404, 'an unknown link');
    is(code("$demo->{URL}/signin"), 200, 'the sign-in page');
    is(code("$demo->{URL}/healthz"), 200, 'healthz');
    is(code("$demo->{URL}/readyz"), 200, 'readyz');
    is(code("$demo->{URL}/dashboard/"), 401, 'the dashboard is guarded')
        or diag(code("$demo->{URL}/dashboard/"));
    is(code("$demo->{URL}/api/v1/summary"), 401, 'so is the API');

    my $ua = sign_in({ url => $demo->{URL},
                       owner_email => $demo->{OWNER_EMAIL},
                       owner_password => $demo->{OWNER_PASSWORD} });

    is($ua->get("$demo->{URL}/dashboard/")->res->code, 200, 'the owner is in');
};

subtest 'a part that dies comes back' => sub {
    my $owner = sign_in({ url => $demo->{URL},
                          owner_email => $demo->{OWNER_EMAIL},
                          owner_password => $demo->{OWNER_PASSWORD} });

    for my $part (qw(WRITER REDIS NGINX)) {
        my $old = demo()->{"${part}_PID"};
        my $since = time();

        kill('KILL', $old);

        my $renewed = wait_for { my $new = demo()->{"${part}_PID"};
                                 $new && $new != $old };

        ok($renewed, "$part has a new line");
        cmp_ok(time() - $since, '<', 1.5, '... within a second or so');

        my $served = wait_for { code("$demo->{URL}/readyz") == 200
                                && code($demo->{LINK_URL}) == 200 };

        ok($served, '... and everything answers again');
    }

    is($owner->get("$demo->{URL}/dashboard/")->res->code, 200,
       'nobody was signed out by it');

    for my $part (qw(writer redis nginx)) {
        ok((wait_for { slurp(work_dir() . '/run.log')
            =~ /$part \d+ killed by signal 9; started again as \d+/ }),
           "$part: its death was printed");
    }
};

subtest 'one run a folder, one a port' => sub {
    my $other = qx(KEEPERS_DIR='$dir' KEEPERS_PORT=1 '$root/build.sh' run 2>&1);

    isnt($?, 0, 'a second run in the same folder is refused');
    like($other, qr/another run uses/, '... in words');

    my $taken = qx(KEEPERS_DIR='${dir}2' KEEPERS_PORT=$port \\
                   '$root/build.sh' run 2>&1);

    isnt($?, 0, 'a port that is taken too');
    like($taken, qr/port $port is taken/, '... in words');
};

subtest 'SIGTERM' => sub { ends($run, 'TERM') };

$run = start_run();

subtest 'a second run keeps its data' => sub {
    my $again = up();

    is($again->{$_}, $demo->{$_}, "the same $_")
        for qw(OWNER_EMAIL OWNER_PASSWORD REDIS_ADMIN_PASSWORD);
    is(code($again->{LINK_URL}), 200, 'the link is there');
    ok(sign_in({ url => $again->{URL}, owner_email => $demo->{OWNER_EMAIL},
                 owner_password => $demo->{OWNER_PASSWORD} }),
       'the owner signs in with the same password');
};

subtest 'even kill -9 leaves no process' => sub {
    my @pids = ours();

    kill('KILL', $run);
    waitpid($run, 0);
    ok(gone(@pids), 'the parts end with their supervisor');
};

$run = start_run();

subtest 'and the next run cleans up' => sub {
    up();
    ends($run, 'INT');
};

done_testing();
