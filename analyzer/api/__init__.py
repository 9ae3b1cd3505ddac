"""What programs use: `import wiretale` hands it on under stable names."""
