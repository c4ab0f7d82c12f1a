"""The part of Azure Storage that hands out blobs to those with a signed address."""
