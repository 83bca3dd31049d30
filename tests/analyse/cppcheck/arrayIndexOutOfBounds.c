int
vbPlanted(int number)
{
    int numbers[4] = { number };

    for (int i = 0; i <= 4; i++)
        numbers[i] = i;
    return numbers[0];
}
