//! Pictures that users give, made into pictures that are safe to hand out.
