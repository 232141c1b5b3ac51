package Keepers::Process;

# Copyright (C) Keepers

# What a test starts: processes, each the leader of a group, so that what they
# leave behind is found; a folder, and ports that no other test takes.
# Keepers::Test describes it.

use strict;
use warnings;

use Exporter qw(import);
use Fcntl qw(:flock O_CREAT O_RDWR);
use File::Path qw(make_path);
use File::Spec;
use File::Temp ();
use IO::Socket::INET;
use POSIX qw(setsid WNOHANG);
use Time::HiRes qw(sleep time);

our @EXPORT = qw(work_dir slurp spew free_port listens wait_for start alive stop
    kill_hard restart pause resume workers reload);

our @started;

my (@ports, $work);


sub work_dir {
    $work //= File::Temp->newdir('keepers-XXXXXX', TMPDIR => 1);
    return "$work";
}


sub slurp {
    my ($file) = @_;

    open(my $in, '<:raw', $file) or return '';
    local $/;
    return <$in> // '';
}


sub spew {
    my ($file, $text, $mode) = @_;

    open(my $out, '>:raw', $file) or die("$file: $!\n");
    chmod($mode // 0600, $file);
    print $out $text;
    close($out) or die("$file: $!\n");
    return $file;
}


# Below the ports that the kernel hands out, and locked while the test runs,
# since other tests run beside it.
sub free_port {
    my $locks = File::Spec->tmpdir() . "/keepers-ports-$>";

    make_path($locks);

    for (1 .. 500) {
        my $port = 10000 + int(rand(20000));

        sysopen(my $lock, "$locks/$port", O_RDWR | O_CREAT) or next;
        flock($lock, LOCK_EX | LOCK_NB) or next;
        IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
                              Listen => 1, ReuseAddr => 1) or next;
        push(@ports, $lock);
        return $port;
    }

    die("no free port\n");
}


sub listens {
    my ($port) = @_;

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
}


# Polls until the condition is true; false after so many seconds.
sub wait_for(&;$) {
    my ($condition, $timeout_s) = @_;
    my $until = time() + ($timeout_s // 10);

    while (1) {
        my $value = $condition->();
        return $value if $value || time() > $until;
        sleep(0.02);
    }
}


sub launch {
    my ($process) = @_;

    my $pid = fork() // die("fork: $!\n");

    if ($pid == 0) {
        setsid();
        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>>', $process->{log});
        open(STDERR, '>&', \*STDOUT);
        exec(@{$process->{command}}) or POSIX::_exit(127);
    }

    $process->{pid} = $pid;
    delete $process->{status};
    wait_for { !alive($process) || $process->{ready}->($process) };
    return $process if alive($process) && $process->{ready}->($process);

    die("$process->{name} did not start:\n" . slurp($process->{log})
        . slurp($process->{error_log} // ''));
}


sub start {
    my ($process) = @_;

    push(@started, $process);
    return launch($process);
}


sub alive {
    my ($process) = @_;

    return 0 if defined $process->{status};
    return 1 if waitpid($process->{pid}, WNOHANG) == 0;

    $process->{status} = $?;
    return 0;
}


sub signal_group {
    my ($signal, $process) = @_;

    return kill($signal, -$process->{pid});
}


# Ends a process in order; after ten seconds, by force, which is a fault.
sub stop {
    my ($process, $signal) = @_;

    signal_group('CONT', $process);
    kill($signal // 'TERM', $process->{pid}) if alive($process);
    return 1 if wait_for { !alive($process) && !signal_group(0, $process) };

    push(@{$process->{faults}}, "$process->{name} had to be killed");
    return kill_hard($process);
}


sub kill_hard {
    my ($process) = @_;

    signal_group('KILL', $process);
    return wait_for { !alive($process) && !signal_group(0, $process) };
}


sub restart {
    my ($process) = @_;

    stop($process);
    return launch($process);
}


sub pause { return signal_group('STOP', $_[0]) }

sub resume { return signal_group('CONT', $_[0]) }


# Of a master, the processes that it has started.
sub workers {
    my ($process) = @_;

    return grep {
        slurp("/proc/$_/stat") =~ /.*\) \S+ (\d+)/ && $1 == $process->{pid}
    } map { m{(\d+)$} } glob('/proc/[0-9]*');
}


# Returns when only workers of the new configuration take connections.
sub reload {
    my ($process) = @_;
    my @old = workers($process);
    my %old = map { $_ => 1 } @old;

    kill('HUP', $process->{pid});
    return wait_for {
        (grep { !$old{$_} } workers($process))
            && !grep { accepting($_) } @old;
    };
}


# A worker that has been told to leave says so in its title first.
sub accepting {
    my ($pid) = @_;
    my $title = slurp("/proc/$pid/cmdline");

    return $title =~ /worker process/ && $title !~ /shutting down/;
}


# Whether a test has made anything.
sub used { return defined $work }


1;
