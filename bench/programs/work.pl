# What perl works on: words of a text by regular expressions, counted in a hash, sorted.
my %count;
open(my $text, '<', $ARGV[0]) or die;
while (my $line = <$text>) {
    $line =~ s/(\w+)-(\w+)/$2$1/g;
    $count{lc $1}++ while $line =~ /\b([a-z]{3,})\b/gi;
}
my @top = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print scalar(@top), " $_ $count{$_}\n" for @top[0 .. 9];
