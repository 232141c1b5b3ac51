package Keepers::Totp;

# Copyright (C) Keepers

# An authenticator app: oathtool, which is not what the writer uses.
#
#     my $code = totp($secret);           # of this half minute
#     my $code = totp($secret, -1);       # of the one before

use strict;
use warnings;

use Exporter 'import';
use POSIX qw(strftime);
use Time::HiRes qw(sleep time);

our @EXPORT = qw(totp totp_calm wrong_code);

my $calm = 0;


# Codes are of one half minute as long as a few seconds of it are left: waits
# for the next one if not, and says of all what is now.
sub totp_calm {
    my ($s) = @_;
    my $left = 30 - time() % 30;

    sleep($left + 0.1) if $left < ($s // 12);
    $calm = int(time() / 30) * 30;
    return;
}


sub totp {
    my ($secret, $steps) = @_;
    my $at = ($calm || time()) + 30 * ($steps // 0);
    my $now = strftime('%Y-%m-%d %H:%M:%S UTC', gmtime($at));
    my $code = `oathtool --totp -b $secret --now '$now'`;

    $? == 0 or die("oathtool failed\n");
    chomp($code);
    return $code;
}


# Six digits that are none of the next minutes'.
sub wrong_code {
    my ($secret) = @_;
    my %right = map { (totp($secret, $_) => 1) } -2 .. 3;
    my $code = '000000';

    $code++ while $right{$code};
    return $code;
}


1;
