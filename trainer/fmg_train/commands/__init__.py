"""What the commands of fmg-train do. Apart from `cli`, which can be asked for help where their packages are missing."""
