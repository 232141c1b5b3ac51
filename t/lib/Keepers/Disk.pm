package Keepers::Disk;

# Copyright (C) Keepers

# A disk under the writer that forgets, in a power cut, what was written and not
# synchronized: all of it, or some blocks, for the system writes them in any
# order; or one that lies, and synchronizes nothing.
#
#     my $disk = Keepers::Disk->new($p);          # start_platform(), or a
#                                                 # Keepers::Writer that runs
#     $disk->start;
#     $disk->cut_power;                           # how many writes it took
#     $disk->cut_power(0.5);                      # of half of the blocks
#     $disk->start;

use strict;
use warnings;

use Keepers::Test;

my $block = 4096;


sub new {
    my ($class, $p) = @_;
    my $shim = work_dir() . '/powercut.so';
    my $writer = $p->{writer} // $p->{process};
    my $self = bless({ writer => $writer, url => $p->{url}, shim => $shim,
                       data => "$p->{dir}/data", database => $p->{database},
                       notes => work_dir() . '/notes',
                       command => [@{$writer->{command}}] }, $class);

    mkdir($self->{notes});
    system('cc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror',
           '-o', $shim, "$Keepers::Test::root/t/tools/powercut.c", '-ldl') == 0
        or die("powercut.c does not compile\n");

    return $self;
}


# Starts the writer on this disk, again if it runs; true once it is ready.
sub start {
    my ($self, @lie) = @_;

    stop($self->{writer});
    merge($self->{notes});

    $self->{writer}{command} = [
        'env', "LD_PRELOAD=$self->{shim}",
        "KEEPERS_POWERCUT_DIR=$self->{data}/",
        "KEEPERS_POWERCUT_NOTES=$self->{notes}", @lie,
        'ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0',
        @{$self->{command}},
    ];

    restart($self->{writer});

    # without nginx it is there as soon as it listens
    return 1 if !defined $self->{url};
    return wait_for { ua()->get("$self->{url}/readyz")->res->code == 200 };
}


# Takes back, last one first, what was written since the last fsync; so much of
# it was on the disk before.
sub cut_power {
    my ($self, $kept) = @_;
    my $taken = 0;

    kill_hard($self->{writer});

    for my $name (names($self->{notes})) {
        my $new = slurp("$self->{data}/$name");
        my @files = newest_first("$self->{notes}/$name");
        my @writes = map { reverse writes($_) } @files;

        $taken += @writes;
        take_back("$self->{data}/$name", @writes);
        keep("$self->{data}/$name", $new, $kept) if $kept;
        unlink(@files);
    }

    unlink(glob("$self->{data}/*-shm"));
    return $taken;
}


# The files of the database of which there are notes.
sub names {
    my ($dir) = @_;
    my %names = map { m{([^/]+)\.(?:notes|lost|syncing\.\d+)$} ? ($1 => 1) : () }
                glob("$dir/*");

    return sort keys %names;
}


# Of a file: what was written since the last sync began, what was being
# synchronized, what is lost for ever.
sub newest_first {
    my ($stem) = @_;
    my $number = sub { $_[0] =~ /(\d+)$/ ? $1 : 0 };

    return grep { -e } "$stem.notes",
           (sort { $number->($b) <=> $number->($a) } glob("$stem.syncing.*")),
           "$stem.lost";
}


# The writes that a file of notes tells of, the oldest first.
sub writes {
    my ($file) = @_;
    my $text = slurp($file);
    my ($at, @writes) = (0);

    # a note that was cut short is of a write that was never made
    while ($at + 20 <= length($text)) {
        my ($offset, $size, $n) = unpack('QQL', substr($text, $at, 20));

        last if $at + 20 + $n > length($text);

        push(@writes, [$offset, $size, substr($text, $at + 20, $n)]);
        $at += 20 + $n;
    }

    return @writes;
}


# What a writer that has ended was synchronizing is to be synchronized again.
sub merge {
    my ($dir) = @_;

    for my $name (names($dir)) {
        my @files = grep { !/\.lost$/ } newest_first("$dir/$name");
        my $text = join('', map { slurp($_) } reverse @files);

        unlink(@files);
        spew("$dir/$name.notes", $text) if length($text);
    }
    return;
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


# Writes some blocks, by chance, as they were before they were taken back.
sub keep {
    my ($path, $new, $kept) = @_;
    my $old = slurp($path);

    open(my $to, '+<:raw', $path) or return;

    for (my $at = 0; $at < length($new); $at += $block) {
        my $bytes = substr($new, $at, $block);

        next if $at < length($old) && substr($old, $at, $block) eq $bytes;
        next if rand() >= $kept;
        seek($to, $at, 0);
        print $to $bytes;
    }

    close($to);
    return;
}


# Whether the database was written before the log was on the disk.
sub early { return -e "$_[0]{notes}/early" }


# What is wrong with the database: nothing, if it is whole.  The writer stops.
sub broken {
    my ($self) = @_;
    my $database = $self->{database};

    stop($self->{writer});

    my @faults = grep { $_ ne "ok\n" }
                 map { qx(sqlite3 '$database' 'PRAGMA $_') }
                     qw(integrity_check foreign_key_check);

    # sqlite3 has synchronized what it found, unseen by us
    unlink(glob("$self->{notes}/*"));
    return join('', @faults);
}


1;
