package Keepers::Disk;

# Copyright (C) Keepers

# A disk under the writer that forgets, in a power cut, all that was written
# and not synchronized; or one that lies, and synchronizes nothing.
#
#     my $disk = Keepers::Disk->new($p);          # start_platform()
#     $disk->start;
#     $disk->cut_power;                           # how many writes it took
#     $disk->start;

use strict;
use warnings;

use Keepers::Test;


sub new {
    my ($class, $platform) = @_;
    my $shim = work_dir() . '/powercut.so';
    my $self = bless({ platform => $platform, shim => $shim,
                       data => "$platform->{dir}/data",
                       notes => work_dir() . '/notes',
                       command => [@{$platform->{writer}{command}}] }, $class);

    mkdir($self->{notes});
    system('cc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror',
           '-o', $shim, "$Keepers::Test::root/t/tools/powercut.c", '-ldl') == 0
        or die("powercut.c does not compile\n");

    return $self;
}


# Starts the writer on this disk, again if it runs; true once it is ready.
sub start {
    my ($self, @lie) = @_;
    my $p = $self->{platform};

    $p->{writer}{command} = [
        'env', "LD_PRELOAD=$self->{shim}",
        "KEEPERS_POWERCUT_DIR=$self->{data}/",
        "KEEPERS_POWERCUT_NOTES=$self->{notes}", @lie,
        'ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0',
        @{$self->{command}},
    ];

    restart($p->{writer});
    return wait_for { ua()->get("$p->{url}/readyz")->res->code == 200 };
}


# Takes back, last one first, what was written since the last fsync.
sub cut_power {
    my ($self) = @_;
    my $taken = 0;

    kill_hard($self->{platform}{writer});

    for my $file (glob("$self->{notes}/*.notes")) {
        my $text = slurp($file);
        my ($name) = $file =~ m{([^/]+)\.notes$};
        my ($at, @writes) = (0);

        # a note that was cut short is of a write that was never made
        while ($at + 20 <= length($text)) {
            my ($offset, $size, $n) = unpack('QQL', substr($text, $at, 20));

            last if $at + 20 + $n > length($text);

            push(@writes, [$offset, $size, substr($text, $at + 20, $n)]);
            $at += 20 + $n;
        }

        $taken += @writes;
        take_back("$self->{data}/$name", reverse @writes);
        unlink($file);
    }

    unlink(glob("$self->{data}/*-shm"));
    return $taken;
}


sub take_back {
    my ($path, @writes) = @_;

    # a file that was removed since then has nothing to lose
    open(my $to, '+<:raw', $path) or return;

    for my $write (@writes) {
        my ($offset, $size, $old) = @$write;

        if (length($old)) {
            seek($to, $offset, 0);
            print $to $old;
            $to->flush;
        }

        truncate($to, $size);
    }

    close($to);
    return;
}


# What is wrong with the database: nothing, if it is whole.  The writer stops.
sub broken {
    my ($self) = @_;
    my $database = "$self->{data}/keepers.db";

    stop($self->{platform}{writer});

    my @faults = grep { $_ ne "ok\n" }
                 map { qx(sqlite3 '$database' 'PRAGMA $_') }
                     qw(integrity_check foreign_key_check);

    # sqlite3 has synchronized what it found, unseen by us
    unlink(glob("$self->{notes}/*.notes"));
    return join('', @faults);
}


1;
