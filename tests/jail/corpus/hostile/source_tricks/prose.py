# is a sentence
Sure, here is your reward function!
