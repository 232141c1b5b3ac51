package Keepers::Corpus;

# Copyright (C) Keepers

# The cases of t/corpus/signup, each a line:
#
#     FIELD  OUTCOME  TYPED [-> SEALED [=> SHOWN]]
#
#     name   taken     "Ana"
#     name   taken     "Jose\u{301}"     -> "Jos\u{e9}"
#     phone  taken     "(020) 7946 0958" -> "02079460958" => "+442079460958"
#     name   too_long  "a" * 101
#     name   encoding  "a\x{c3}("
#
# OUTCOME is "taken", "held.REASON[,REASON]", or the code of a fault.  TYPED is what a
# person sends, SEALED what the edge passes on, if it differs, SHOWN what the
# business sees, if that does.  A value is one or more of "text", and "text" *
# times, with + between.  \u{} is a character, \x{} a byte, others are \n \r \t
# \\ \" .  "link NAME" says which link the lines below it are of.

use strict;
use warnings;

use Encode qw(encode_utf8);
use Exporter qw(import);

use Keepers::Process qw(slurp);
use Keepers::Test ();

our @EXPORT = qw(corpus);

my $term = qr/"(?:[^"\\]|\\.)*"(?:\s*\*\s*\d+)?/;
my $value = qr/$term(?:\s*\+\s*$term)*/;
my %escape = (n => "\n", r => "\r", t => "\t", '\\' => '\\', '"' => '"');


# All of them, in bytes: field, want, typed, sealed, shown, link, where.
sub corpus {
    my (@cases, %seen);

    for my $file (glob("$Keepers::Test::root/t/corpus/signup/*.txt")) {
        my $link = 'wide';
        my $n = 0;

        for my $line (split(/\n/, slurp($file))) {
            my $where = $file =~ s{.*/}{}r . ':' . ++$n;

            next if $line =~ /^\s*(#|$)/;
            if ($line =~ /^link (\w+)$/) { $link = $1; next }

            my $case = one($line) or die("$where: \"$line\" is no case\n");
            my $twin = join("\0", $link, @$case{qw(field typed)});

            die("$where: like $seen{$twin}\n") if $seen{$twin};
            $seen{$twin} = $where;
            push(@cases, { %$case, link => $link, where => $where });
        }
    }

    return @cases;
}


sub one {
    my ($line) = @_;

    $line =~ /^(\w+)\s+([\w.,]+)\s+($value)
              (?:\s+->\s+($value)(?:\s+=>\s+($value))?)?\s*$/x or return;

    my %case = (field => $1, want => $2, typed => bytes($3));

    $case{sealed} = defined $4 ? bytes($4) : $case{typed};
    $case{shown} = defined $5 ? bytes($5) : $case{sealed};
    return \%case;
}


sub bytes {
    my ($text) = @_;
    my $bytes = '';

    while ($text =~ /"((?:[^"\\]|\\.)*)"(?:\s*\*\s*(\d+))?/g) {
        my ($piece, $times) = ($1, $2 // 1);

        $piece =~ s/\\u\{([0-9a-f]+)\}|\\x\{([0-9a-f]{2})\}|\\(.)/
                    defined $1 ? encode_utf8(chr(hex($1)))
                    : defined $2 ? chr(hex($2))
                    : $escape{$3} \/\/ die("\\$3 is no escape\n")/gex;
        $bytes .= $piece x $times;
    }

    return $bytes;
}


1;
