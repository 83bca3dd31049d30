int
vbPlanted(int number)
{
    int sum = number + 1;

    sum = number + 2;
    return number;
}
