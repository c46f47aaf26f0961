-- What its rows said stands in `sealed_day`: the program moved it there before this ran.
DROP TABLE block;
