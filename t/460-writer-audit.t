#!/usr/bin/perl

# Copyright (C) Keepers

# The audit log shows what was done to it: a byte that was changed, rows that
# are missing, in the middle or at the end, and a new row heals none of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Keepers::Writer;
use Test::More;

my $writer = Keepers::Writer->new;
my $database = $writer->{database};
my %ids;


# What somebody with the file does to it, past the triggers.
sub tamper {
    my (@statements) = @_;

    open(my $sql, '|-', 'sqlite3', $database) or die("sqlite3: $!\n");
    print $sql "DROP TRIGGER IF EXISTS audit_immutable;\n"
               . "DROP TRIGGER IF EXISTS audit_kept;\n";
    print $sql "$_;\n" for @statements;
    close($sql) or die("sqlite3 failed\n");
    return;
}


sub verify { return $writer->command('', qw(audit verify), @_) }


sub copy { return spew($_[1], slurp($_[0])) }


# A row more of the first business.
sub one_more {
    my ($slug) = @_;
    my ($status, $text) = $writer->command('', qw(link add --offer Tea --slug),
                                           $slug, '--business', $ids{Tea});

    is($status, 0, 'one goes on writing') or diag($text);
    return;
}


for my $name (qw(Tea Cake)) {
    $ids{$name} = $writer->account(business => $name, role => 'owner',
                                   email => "$name\@example.org",
                                   password => 'a-long-password')->{business};
}

one_more("tea-$_") for 1 .. 8;

my ($status, $text) = verify();
is($status, 0, 'two logs are whole') or diag($text);
like($text, qr/^business=$ids{Tea} rows=9 whole$/m, 'one of nine rows');
like($text, qr/^business=$ids{Cake} rows=1 whole$/m, 'one of one');

($status, $text) = verify($ids{Cake});
is($status, 0, 'one alone');
unlike($text, qr/$ids{Tea}/, '... is said of alone');
is((verify('nobody'))[0], 2, 'what is no id');
is((verify('00000000-0000-7000-8000-000000000000'))[0], 1,
   'what is no business');

copy($database, "$database.good");

my $of = "business=(SELECT min(id) FROM businesses)";
my $fifth = "seq=(SELECT seq FROM audit WHERE $of ORDER BY seq LIMIT 1"
            . " OFFSET 4)";
my $end = "seq IN (SELECT seq FROM audit WHERE $of ORDER BY seq DESC LIMIT";

for my $case (
    ['a word', "UPDATE audit SET what='link.closed' WHERE $fifth",
     qr/rows=4 fault=row seq=\d+/],
    ['one letter', "UPDATE audit SET subject=replace(subject,'5','6')"
     . " WHERE $of", qr/rows=5 fault=row/],
    ['a time', "UPDATE audit SET at_ms=at_ms+1 WHERE $fifth",
     qr/rows=4 fault=row/],
    ['a hash', "UPDATE audit SET hash=randomblob(32) WHERE $fifth",
     qr/rows=4 fault=row/],
    ['a row in the middle', "DELETE FROM audit WHERE $fifth",
     qr/rows=4 fault=row/],
    ['two rows changed places', "UPDATE audit SET seq=seq+1000 WHERE $fifth",
     qr/rows=4 fault=row/],
    ['a row of the other business', "UPDATE audit SET business="
     . "(SELECT max(id) FROM businesses) WHERE $fifth", qr/rows=4 fault=row/],
    ['the first row', "DELETE FROM audit WHERE seq="
     . "(SELECT min(seq) FROM audit WHERE $of)", qr/rows=0 fault=row/],
    ['the last row', "DELETE FROM audit WHERE $end 1)",
     qr/rows=8 fault=end: 1 rows/],
    ['three rows at the end', "DELETE FROM audit WHERE $end 3)",
     qr/rows=6 fault=end: 3 rows/],
    ['all rows', "DELETE FROM audit WHERE $of",
     qr/rows=0 fault=end: 9 rows/],
    ['the number with them', "DELETE FROM audit WHERE $end 3);"
     . "UPDATE businesses SET audit_rows=6 WHERE name='Tea'",
     qr/rows=6 fault=head/],
    ['the seal with all rows', "DELETE FROM audit WHERE $of;"
     . "UPDATE businesses SET audit_rows=0, audit_seal=NULL"
     . " WHERE name='Tea'", qr/rows=0 fault=head/],
    ['the head of the other', "UPDATE businesses SET (audit_rows, audit_seal)"
     . "=(SELECT audit_rows, audit_seal FROM businesses WHERE name='Cake')"
     . " WHERE name='Tea'", qr/rows=9 fault=head/],
) {
    my ($name, $statement, $words) = @$case;

    subtest "$name is gone or changed" => sub {
        unlink("$database-wal", "$database-shm");
        copy("$database.good", $database);
        tamper($statement);

        my ($status, $text) = verify();
        is($status, 1, 'it is found');
        like($text, qr/^business=$ids{Tea} $words/m, '... and where')
            or diag($text);
        like($text, qr/^business=$ids{Cake} rows=1 whole$/m,
             'the other is whole') unless $name =~ /other business/;

        one_more('after');
        is((verify($ids{Tea}))[0], 1, 'and this heals nothing');
    };
}

done_testing();
