# Copyright (C) Keepers

# The scripts of the module for Redis, as it loads them: of macros of strings
# and of other macros in its source.

package Keepers::Scripts;

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);

our @EXPORT_OK = qw(script_text);

my $file = dirname(__FILE__) . '/../../../ngx_keepers_module/redis/'
           . 'ngx_keepers_redis_script.c';


sub script_text {
    my ($name) = @_;

    open(my $in, '<', $file) or die("$file: $!\n");
    my $source = do { local $/; <$in> };
    my %macro = $source =~ /^\#define\ (NGX_KEEPERS_REDIS_\w+)\b
                             ((?:[^\n]*\\\n)*[^\n]*\n)/gmx;

    return expand("NGX_KEEPERS_REDIS_$name", \%macro);
}


sub expand {
    my ($name, $macro) = @_;
    my $body = $macro->{$name} // die("there is no script $name\n");
    my $text = '';

    while ($body =~ /"((?:[^"\\]|\\.)*)"|(NGX_KEEPERS_REDIS_\w+)/g) {
        $text .= defined $1 ? $1 =~ s/\\n/\n/gr : expand($2, $macro);
    }

    return $text;
}


1;
