package Keepers::Postgres;

# Copyright (C) Keepers

# A PostgreSQL of the test's own, on a socket in its folder, which goes with it.
#
#     my $postgres = Keepers::Postgres->new;
#     my $db = $postgres->connect;                # DBI, in bytes
#     $postgres->leave;

use strict;
use warnings;

use DBI;
use File::Path qw(remove_tree);
use Keepers::Process qw(start);
use Keepers::Test qw(slurp work_dir);


# It does not run as root; Debian's package brings a user for it.
sub new {
    my ($class) = @_;
    my $dir = work_dir() . '/postgres';
    my @as = $> ? () : qw(setpriv --reuid=postgres --regid=postgres
                          --clear-groups);
    my ($initdb) = sort { version($b) <=> version($a) }
                   glob('/usr/lib/postgresql/*/bin/initdb');

    mkdir($dir);
    chmod(0711, work_dir());
    chown((getpwnam('postgres'))[2, 3], $dir) if !$>;

    system("cd '$dir' && @as $initdb -D data -U keepers -A trust -E UTF8"
           . " --locale=C.UTF-8 --no-sync >log 2>&1") == 0
        or die("initdb failed:\n" . slurp("$dir/log"));

    my $self = bless({ dir => $dir }, $class);

    $self->{process} = start({ name => 'postgres', log => "$dir/log",
        command => [@as, $initdb =~ s/initdb$/postgres/r, '-D', "$dir/data",
                    '-k', $dir, map { ('-c', $_) } 'listen_addresses=',
                    'fsync=off', 'shared_buffers=16MB', 'autovacuum=off',
                    'max_wal_size=1GB'],
        ready => sub { -S "$dir/.s.PGSQL.5432" && $self->connect(quiet => 1) },
    });
    return $self;
}


sub version { return $_[0] =~ m{postgresql/(\d+)} ? $1 : 0 }


sub connect {
    my ($self, %option) = @_;
    my $db = DBI->connect("dbi:Pg:host=$self->{dir};dbname=postgres", 'keepers',
                          '', { RaiseError => 0, PrintError => 0,
                                pg_enable_utf8 => 0, AutoCommit => 1 });

    $db->{RaiseError} = 1 if $db;
    die("PostgreSQL: " . DBI->errstr . "\n") if !$db && !$option{quiet};
    return $db;
}


# At once, whoever is connected.
sub leave {
    my ($self) = @_;

    Keepers::Process::stop($self->{process}, 'INT');
    remove_tree("$self->{dir}/data");
    return;
}


1;
