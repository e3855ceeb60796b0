"""Mutation testing of the verifier: is a change of its rules, laws and domains noticed?"""
