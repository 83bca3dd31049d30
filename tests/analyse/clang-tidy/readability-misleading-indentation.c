int
vbPlanted(int first, int second)
{
    int sum = 0;

    if (first)
        sum++;
        sum += second;
    return sum;
}
