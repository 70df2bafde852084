"""The same problems, written as a user of JAX or of torch would write them."""
