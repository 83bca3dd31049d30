int
vbPlanted(int number)
{
    int sum;

    if (number > 4)
        sum = 1;
    return sum;
}
