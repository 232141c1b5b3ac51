#!/usr/bin/perl

# Copyright (C) Keepers

# Tries whether the tests would notice: each mutant of t/mutants/ is applied to
# a copy of the tree, built, and must be killed by one of the tests that it
# names, each of which passes without it.  Started by ./build.sh mutants
# [PATTERN...]; a mutant is tried if its name, title, rule, file or tests match
# one of them.  KEEPERS_JOBS (2) are tried at a time.
#
# One that was killed is not tried again as long as it, the file that it changes
# and its tests are what they were, so that a run that was ended goes on where
# it was; KEEPERS_AGAIN=1 tries all.  KEEPERS_GREEN=1 takes it that the suite has
# just been green: no test is run without a fault.
#
# Fails if one survives, cannot be applied or built, or if a test that it names
# is not green without it.  The file build/mutants/report has the table.

use strict;
use warnings;

use Cwd qw(realpath);
use Fcntl qw(:flock);
use Digest::SHA qw(sha256_hex);
use File::Find;
use File::Path qw(make_path);
use File::Spec;
use File::Temp ();
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

use Keepers::Mutants;

my $root = realpath("$FindBin::Bin/..");
my $work = "$root/build/mutants";
my @patterns = map { qr{$_}i } @ARGV;
my $jobs = $ENV{KEEPERS_JOBS} // 2;
my $temp;

# A test gets three times what it takes when all is well, and this.
my $spare_s = 30;
my $whole_s = 900;
my $taken_s = 120;      # if it was not measured

# What only a part of the faults would leave unused is no error here.
# Neither is it the program that is shipped: optimized as one, each of them
# would take a minute to link.
$ENV{KEEPERS_HARDENING} = '-O1';
$ENV{KEEPERS_WHOLE} = '';
$ENV{CFLAGS} = join(' ', map { "-Wno-$_" } qw(
    unused-function unused-variable unused-but-set-variable unused-parameter
    unused-const-variable type-limits unused-label unused-value));

$| = 1;


sub read_text {
    my ($file) = @_;

    open(my $in, '<:raw', $file) or return;
    local $/;
    return <$in>;
}


sub write_text {
    my ($file, $text) = @_;

    make_path($file =~ s{/[^/]*$}{}r);
    open(my $out, '>:raw', $file) or die("$file: $!\n");
    print $out $text;
    close($out) or die("$file: $!\n");
    return;
}


# The files of a tree, relative to it.
sub files {
    my ($dir) = @_;
    my @found;

    return unless -d $dir;

    find({ no_chdir => 1, wanted => sub {
        my $name = $_ =~ s{^\Q$dir\E/?}{}r;

        if ($name =~ m{^(?:\.git|build|.*node_modules)$}) {
            $File::Find::prune = 1;

        } elsif (-f $_) {
            push(@found, $name);
        }
    } }, $dir);

    return @found;
}


# Only what differs is written, so that only that is compiled again; and what an
# interrupted run has left changed is newer than its object.
sub copy_tree {
    my ($tree) = @_;
    my %here = map { $_ => 1 } files($root);

    for my $file (keys %here) {
        my $text = read_text("$root/$file") // next;

        write_text("$tree/$file", $text)
            if $text ne (read_text("$tree/$file") // "$text.");
        chmod((stat("$root/$file"))[2] & 0777, "$tree/$file");
    }

    unlink(map { "$tree/$_" } grep { !$here{$_} } files($tree));

    # tools that are not built from the tree
    make_path("$tree/build");
    symlink("$root/build/tools", "$tree/build/tools") if -d "$root/build/tools";
    return;
}


# Runs a command in the tree; its status, what it says goes to a file.
sub quietly {
    my ($tree, @command) = @_;
    my $pid = fork() // die("fork: $!\n");

    if ($pid == 0) {
        chdir($tree);
        open(STDOUT, '>', "$tree/build/mutants.log");
        open(STDERR, '>&', \*STDOUT);
        exec(@command) or POSIX::_exit(127);
    }

    waitpid($pid, 0);
    return $? == 0;
}


# What the test needs: a unit test makes itself; else both programs, since what
# the mutant before has changed may be in either.
sub build {
    my ($tree, $test) = @_;

    return $test =~ /\.c$/ || quietly($tree, 'tools/build.sh');
}


# What a test has started has its folder or ours as working folder.
sub end_all {
    my (@dirs) = @_;
    my $under = join('|', map { quotemeta } @dirs);

    for (1 .. 100) {
        my @left = grep { (readlink("/proc/$_/cwd") // '') =~ m{^(?:$under)} }
                   map { m{(\d+)$} } glob('/proc/[0-9]*');

        return unless @left;
        kill('KILL', @left);
        1 while waitpid(-1, WNOHANG) > 0;
        sleep(0.05);
    }

    return;
}


# Ports are locked in the folder for temporary files; all tests share that one.
sub own_temp {
    my $dir = File::Temp->newdir('mutant-XXXXXX', TMPDIR => 1);
    my $locks = File::Spec->tmpdir() . "/keepers-ports-$>";

    make_path($locks);
    symlink($locks, "$dir/keepers-ports-$>");
    return $dir;
}


sub command {
    my ($tree, $test) = @_;

    return ($^X, $test) if $test =~ /\.t$/;

    my ($name) = $test =~ m{/test_(\w+)\.c$};

    quietly($tree, 'tools/unit.sh', 'unit', $name) or return;
    return (glob("$tree/build/unit-*/t/unit/test_$name"));
}


# Runs a test until its first failure, for so many seconds: what failed, or
# undef.
sub failure {
    my ($tree, $test, $limit_s) = @_;
    my $until = time() + $limit_s;
    my @command = command($tree, $test) or return 'does not build';
    my ($failed, $text) = (undef, '');

    $temp = own_temp();
    pipe(my $out, my $in) or die("pipe: $!\n");
    my $pid = fork() // die("fork: $!\n");

    if ($pid == 0) {
        close($out);
        chdir($tree);
        $ENV{TMPDIR} = "$temp";
        $ENV{CMOCKA_MESSAGE_OUTPUT} = 'TAP';
        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>&', $in);
        open(STDERR, '>', "$tree/build/mutants.log");
        exec(@command) or POSIX::_exit(127);
    }

    close($in);

    while (!defined $failed) {
        my $left = $until - time();
        my $ready = '';

        vec($ready, fileno($out), 1) = 1;

        if ($left <= 0) {
            $failed = 'does not end';

        } elsif (select($ready, undef, undef, $left) > 0) {
            sysread($out, $text, 65536, length($text)) or last;

            # the line of a subtest comes behind those of its parts
            $failed = $1
                if $text =~ /^\s*not ok \d+(?: - )?(.*)\n/m;
        }
    }

    if (!defined $failed) {
        waitpid($pid, 0);
        $failed = 'ends with status ' . ($? >> 8 || $?) . ': '
                  . last_words($tree) if $? != 0;
    }

    end_all($tree, "$temp");
    waitpid($pid, 0);
    return $failed;
}


sub last_words {
    my ($tree) = @_;
    my @lines = grep { /\S/ && !/^# Looks like/ }
                split(/\n/, read_text("$tree/build/mutants.log") // '');

    return $lines[-1] // '';
}


# A test is green once for all mutants, as long as nothing changes.
sub digest {
    my ($tree, $test) = @_;
    my @files = grep { !m{^(?:t|docs|bench)/} || m{^t/(?:lib|tools)/}
                       || $_ eq $test } files($tree);

    return sha256_hex(join("\0", map { ($_, read_text("$tree/$_") // '') }
                                 sort @files));
}


# How long the test takes without any fault; undef if it fails.
sub green {
    my ($tree, $test) = @_;
    my $file = "$work/green/" . $test =~ s{/}{-}gr;
    my $digest = digest($tree, $test);
    my ($was, $took) = split(' ', read_text($file) // '');

    return $took if ($was // '') eq $digest;
    return $taken_s if $ENV{KEEPERS_GREEN};

    build($tree, $test) or die("the tree does not build:\n"
                               . read_text("$tree/build/mutants.log"));

    for (1 .. 2) {
        my $began = time();
        my $failed = failure($tree, $test, $whole_s);

        if (!defined $failed) {
            $took = time() - $began;
            write_text($file, "$digest $took\n");
            return $took;
        }

        print "$test fails without a mutant: $failed\n";
    }

    return;
}


sub try_mutant {
    my ($tree, $mutant) = @_;
    my $file = "$tree/$mutant->{file}";
    my ($fault) = mutant_faults($mutant, $tree);
    my $text = read_text($file);
    my @verdict = ('SURVIVED', '');

    return ('does not apply', $fault) if $fault;

    # the next one is only asked when the one before has noticed nothing
    for my $test (@{$mutant->{tests}}) {
        my $took = green($tree, $test)
            // return ('not tried', "$test is not green without it");

        write_text($file, mutant_apply($mutant, $text));
        @verdict = try_test($tree, $test, 3 * $took + $spare_s);
        write_text($file, $text);

        last if $verdict[0] ne 'SURVIVED';
    }

    return @verdict;
}


sub try_test {
    my ($tree, $test, $limit_s) = @_;

    return ('did not build', (read_text("$tree/build/mutants.log") // '')
                             =~ /(error:.*)/ ? $1 : '')
        unless build($tree, $test);

    my $failed = failure($tree, $test, $limit_s);

    # what died without a word may have died of a machine that is busy
    $failed = failure($tree, $test, $limit_s)
        if defined $failed && $failed =~ /^ends with/;

    return !defined $failed             ? ('SURVIVED', '')
         : $failed eq 'does not build' ? ('did not build', "$test: $failed")
         :                                ('killed', "$test: $failed");
}


# What a verdict was about.
sub subject {
    my ($mutant, $tree) = @_;

    return sha256_hex(join("\0", map { read_text("$tree/$_") // '' }
                                 "t/mutants/$mutant->{name}.mutant",
                                 $mutant->{file}, @{$mutant->{tests}}));
}


# The line of the report of one that was killed before.
sub known {
    my ($mutant) = @_;
    my ($digest, $line) = split(/\n/,
                                read_text("$work/known/$mutant->{name}") // '');

    return if $ENV{KEEPERS_AGAIN} || ($digest // '') ne subject($mutant, $root);
    return $line;
}


# One tree tries every so-manieth.
sub work_off {
    my ($job, @mutants) = @_;
    my $tree = "$work/tree$job";
    my @lines;

    $SIG{TERM} = sub {
        end_all($tree, $temp // $tree);
        POSIX::_exit(1);
    };

    copy_tree($tree);
    build($tree, '') or die("the tree does not build:\n"
                            . read_text("$tree/build/mutants.log"));

    for my $mutant (@mutants) {
        my $began = time();
        my ($verdict, $why) = try_mutant($tree, $mutant);
        my $line = sprintf("%-14s %-28s %4d s  %s", $verdict, $mutant->{name},
                           time() - $began, $why);

        print "$line\n";
        push(@lines, $line);
        write_text("$work/known/$mutant->{name}",
                   subject($mutant, $tree) . "\n$line\n") if $verdict eq 'killed';
    }

    write_text("$work/report$job", join('', map { "$_\n" } @lines));
    return;
}


sub wanted {
    my ($mutant) = @_;
    my $text = join("\n", @{$mutant}{qw(name title rule file)},
                    @{$mutant->{tests}});

    return !@patterns || grep { $text =~ $_ } @patterns;
}


my @wanted = grep { wanted($_) } mutants_read($root);
my @mutants = grep { !defined known($_) } @wanted;
my @before = map { known($_) // () } @wanted;
my @pids;

@wanted or die("no such mutant\n");

make_path($work);
open(my $lock, '>', "$work/lock") or die("$work/lock: $!\n");
flock($lock, LOCK_EX | LOCK_NB) or die("another one runs in $work\n");

$jobs = @mutants if $jobs > @mutants;
print 'mutants: ' . @mutants . ", $jobs at a time"
      . (@before ? ', ' . @before . ' were killed before' : '') . "\n";

# those of one test one after another
@mutants = sort { "@{$a->{tests}}" cmp "@{$b->{tests}}"
                  || $a->{name} cmp $b->{name} } @mutants;

for my $job (1 .. $jobs) {
    my $pid = fork() // die("fork: $!\n");

    unlink("$work/report$job");

    if ($pid == 0) {
        work_off($job, @mutants[grep { $_ % $jobs == $job - 1 } 0 .. $#mutants]);
        exit(0);
    }

    push(@pids, $pid);
}

$SIG{INT} = $SIG{TERM} = sub { kill('TERM', @pids) };

for my $pid (@pids) {
    1 while waitpid($pid, 0) == -1 && $!{EINTR};
}

my @lines = sort((map { "$_\n" } @before),
                 map { split(/^/, read_text("$work/report$_") // '') }
                 1 .. $jobs);
my $killed = grep { /^killed / } @lines;

write_text("$work/report", join('', @lines));
print "\n", @lines, "\n$killed of " . @wanted . " mutants were killed\n";
exit($killed == @wanted ? 0 : 1);
