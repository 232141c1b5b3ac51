#!/usr/bin/perl

# Copyright (C) Keepers

# What a signup may say every database can store: what the rules let through
# comes back from PostgreSQL and from SQLite byte by byte as it went in, every
# character that there is in it; and what is refused as not UTF-8 PostgreSQL
# would refuse, too.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use DBI;
use Keepers::Corpus;
use Keepers::Postgres;
use Keepers::Test;
use Keepers::Writer;
use Test::More;


my $accepted = Keepers::Writer::compiled('accepted');
my $in = work_dir() . '/values';
my @cases = corpus();
my $postgres = Keepers::Postgres->new;
my $pg = $postgres->connect;
my $lite = DBI->connect('dbi:SQLite:dbname=' . work_dir() . '/values.db', '',
                        '', { RaiseError => 1, PrintError => 0 });


# What the rules make of the lines: fields and values.
sub made {
    my ($command) = @_;

    open(my $out, '-|', $command) or die("$command: $!\n");

    my @made = map { my ($field, $hex) = split; [$field, pack('H*', $hex)] }
                   <$out>;

    close($out) or die("$command failed\n");
    return @made;
}


sub fill_postgres {
    my ($rows) = @_;
    my $text = '';
    my $i = 0;

    $pg->do('CREATE TABLE v (id integer PRIMARY KEY, v text NOT NULL)');
    $pg->do('COPY v FROM STDIN');

    for my $row (@$rows) {
        $text .= $i++ . "\t" . ($row->[1] =~ s/\\/\\\\/gr) . "\n";
        next if length($text) < 65536 && $i < @$rows;
        $pg->pg_putcopydata($text);
        $text = '';
    }

    $pg->pg_putcopyend;
    return;
}


sub fill_sqlite {
    my ($rows) = @_;
    my $i = 0;

    $lite->do('CREATE TABLE v (id INTEGER PRIMARY KEY, v TEXT NOT NULL)'
              . ' STRICT');
    $lite->begin_work;

    my $insert = $lite->prepare('INSERT INTO v VALUES (?, ?)');

    $insert->execute($i++, $_->[1]) for @$rows;
    $lite->commit;
    return;
}


# How many came back otherwise than they went in.
sub differing {
    my ($db, $rows) = @_;
    my $i = 0;
    my @bad;

    for my $row (@{$db->selectall_arrayref('SELECT id, v FROM v ORDER BY id')})
    {
        push(@bad, $row->[0]) if $row->[0] != $i
                                 || $row->[1] ne $rows->[$i++][1];
    }

    push(@bad, 'the rest') if $i != @$rows;
    diag(join(' ', map { unpack('H*', $rows->[$_][1]) } @bad[0 .. 9]))
        if @bad > 9;
    return scalar @bad;
}


# --- the corpus

spew($in, join('', map { "$_->{field} " . unpack('H*', $_->{typed}) . ".\n" }
                       @cases));

my @corpus = made("$accepted <$in");
my %stored = map { join(' ', @$_) => 1 } @corpus;
my @taken = grep { $_->{want} =~ /^(taken|held)/ && $_->{link} eq 'wide'
                   && $_->{field} !~ /^consent_/ && $_->{sealed} ne '' }
                 @cases;

cmp_ok(scalar @taken, '>', 250, 'the corpus has values that are taken');
is(scalar(grep { !$stored{"$_->{field} $_->{sealed}"} } @taken), 0,
   'and the rules take them, as it says');

# --- every character

my @all = made("$accepted all");
my %of;

$of{$_->[0]}++ for @all;
cmp_ok($of{$_}, '>', 40000, "$_: every character, some at a time")
    for qw(name email placement);

my %seen = map { $_ => 1 } map { split(//) }
           map { my $s = $_->[1]; utf8::decode($s); $s }
           grep { $_->[0] eq 'name' } @all;

ok($seen{chr(hex($_))}, "$_ among them") for qw(5c 27 e9 3a9 674e fffd 1f600
                                               e000 10fffd 378 200d);
ok(!$seen{chr(hex($_))}, "$_ not") for qw(0 7 a 85 202e fffe);

my @rows = (@corpus, @all);

fill_postgres(\@rows);
is($pg->selectrow_array('SHOW server_encoding'), 'UTF8', 'PostgreSQL');
is(differing($pg, \@rows), 0, scalar(@rows) . ' values come back');
is(scalar(grep { $rows[$_->[0]][0] =~ /name|email/ } @{$pg->selectall_arrayref(
    'SELECT id FROM v WHERE v IS NOT NFC NORMALIZED')}), 0,
   'names and addresses in the form that PostgreSQL calls normal');

fill_sqlite(\@rows);
is(differing($lite, \@rows), 0, 'SQLite: so they do');
is($lite->selectrow_array("SELECT count(*) FROM v WHERE typeof(v) <> 'text'"),
   0, 'as text');


# --- what is no text

my @broken = grep { $_->{want} eq 'encoding' } @cases;
my $insert = $pg->prepare('INSERT INTO v VALUES (-1, ?)');
my @kept;

for my $case (@broken) {
    # no client's library lets a NUL through: it would be cut off before
    next if $case->{typed} =~ /\0/;
    push(@kept, $case->{where}) if eval { $insert->execute($case->{typed}) };
    $pg->do('DELETE FROM v WHERE id = -1');
}

cmp_ok(scalar @broken, '>', 50, 'the corpus has what is not UTF-8');
is("@kept", '', 'which PostgreSQL would not have kept either');

undef $insert;
$pg->disconnect;
$lite->disconnect;
$postgres->leave;
done_testing();
